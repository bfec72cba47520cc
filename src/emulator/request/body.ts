import { createHash } from 'node:crypto';
import type { IncomingMessage } from 'node:http';

/** A request's body. The hash covers every byte read, but a body over the limit is not kept. */
export interface Body {
  readonly sha256: string;
  readonly byteLength: number;
  /** Null when the body is larger than the limit. */
  readonly bytes: Uint8Array<ArrayBuffer> | null;
  /** False if the body was too long to read to the end. */
  readonly drained: boolean;
}

/** An oversize body is read up to this size and discarded, so that the caller can still read the answer. */
const maxDrainedBytes = 100 * 1024 * 1024;

/** Reads and hashes a body in one pass. Rejects if the caller disconnects before the end of the body. */
export async function readBody(request: IncomingMessage, maxKeptBytes: number): Promise<Body> {
  const hash = createHash('sha256');
  let chunks: Buffer[] = [];
  let byteLength = 0;
  let drained = true;
  for await (const chunk of request.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
    byteLength += chunk.byteLength;
    hash.update(chunk);
    if (byteLength <= maxKeptBytes) chunks.push(chunk);
    else chunks = [];
    if (byteLength > maxDrainedBytes) {
      drained = false;
      break;
    }
  }
  const bytes = byteLength <= maxKeptBytes ? concat(chunks, byteLength) : null;
  return { sha256: hash.digest('hex'), byteLength, bytes, drained };
}

/** Joins chunks in a new buffer. `Buffer.concat` may return a pooled buffer, which cannot be transferred to a thread. */
function concat(chunks: readonly Buffer[], byteLength: number): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(byteLength);
  let at = 0;
  for (const chunk of chunks) {
    bytes.set(chunk, at);
    at += chunk.byteLength;
  }
  return bytes;
}
