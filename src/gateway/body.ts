import { createHash } from 'node:crypto';
import type { BodyMemory, Upload, Uploader } from '../core/body-memory/body-memory.ts';
import { nextBufferBytes, SHORT_BODY_BYTES } from '../core/body-memory/limits.ts';
import { err, ok, type Result } from '../core/result.ts';
import { type Within, within } from '../edge/deadline.ts';
import { Turn } from './body-turn.ts';
import { DISCARD_PROVED, DISCARD_UNPROVED, discardPieces } from './discard-body.ts';
import {
  LEAST_BYTES_PER_SECOND,
  LEAST_BYTES_PER_SECOND_UNPROVED,
  MAX_STALL_MS,
  type Pieces,
  readPieces,
} from './pieces.ts';

/** A complete request body. */
export interface Body {
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** The hash of the bytes, in lower-case hex. */
  readonly sha256: string;
  /** Moves the body to the proved callers' memory, once the caller has proved itself. @returns false if there is no room. */
  prove(): Promise<boolean>;
  /** Frees the memory of this many sent bytes. Closes the body once all bytes have been sent. */
  readonly onSent: (bytes: number) => void;
  /** Frees all memory of the body. May be called at any time, and more than once. */
  readonly close: () => void;
}

/** Why a body could not be read. A body that is too large has the number of bytes that arrived. */
export type BodyFault =
  | { readonly kind: 'too-large'; readonly bytes: number }
  | { readonly kind: 'busy' }
  | { readonly kind: 'incomplete' };

export interface BodyLimits {
  readonly maxBytes: number;
  /** Content-Length, if the caller sent it. At most `maxBytes`. */
  readonly declaredBytes: number | undefined;
  readonly memory: BodyMemory;
  readonly uploader: Uploader;
  readonly maxStallMs?: number;
  readonly maxWaitMs?: number;
  /** Waits for a promise with a time limit. Default `within`. */
  readonly wait?: Within;
  /** Called after each wait for memory with the total time that the call has waited. */
  readonly onWaited?: (waitedMs: number) => void;
}

/** The parts of a request that are needed to read its body. */
export interface BodySource extends Pick<Request, 'body' | 'arrayBuffer'> {
  readonly signal?: AbortSignal;
}

/** SHA-256 of zero bytes. */
const EMPTY_SHA256 = 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855';
const EMPTY: Body = {
  bytes: new Uint8Array(0),
  sha256: EMPTY_SHA256,
  prove: async () => true,
  onSent: () => {},
  close: () => {},
};
/** A buffer of at most this many bytes is left to the garbage collector. */
const MAX_COLLECTED_BYTES = 64 * 1024;
const NEVER = new AbortController().signal;

/**
 * Reads a body once into one buffer, and hashes the bytes as they arrive. If there is no memory yet, the call waits for its
 * turn and leaves the body unread. The runtime then stops reading the socket, so a waiting call holds no memory.
 */
export async function readBody(source: BodySource, limits: BodyLimits): Promise<Result<Body, BodyFault>> {
  const { declaredBytes, maxBytes, memory, uploader, wait = within, maxWaitMs } = limits;
  const mostBytes = declaredBytes ?? maxBytes;
  const isShort = declaredBytes !== undefined && declaredBytes <= SHORT_BODY_BYTES;
  // `source.body` is not read for a short body: reading it makes the runtime create an object.
  const stream = isShort ? undefined : source.body;
  if (declaredBytes === 0 || stream === null) return ok(EMPTY);
  const { tenant, unprovedKey, network } = uploader;
  const upload = memory.open({ tenant, unprovedKey, network, mostBytes, nowMs: Date.now() });
  if (!upload) return err({ kind: 'busy' });
  const signal = () => source.signal ?? NEVER; // the runtime creates the signal on first use
  const turn = new Turn({ memory, wait, signal, maxWaitMs });
  const reader: Reader = { ...limits, wait, upload, turn };
  if (upload.state === 'waiting' && !(await comesTurn(reader))) {
    upload.close(Date.now());
    return err({ kind: turn.isAborted ? 'incomplete' : 'busy' });
  }
  return stream ? readLong(stream, mostBytes, reader) : readShort(source, mostBytes, reader);
}

interface Reader extends BodyLimits {
  readonly wait: Within;
  readonly upload: Upload;
  readonly turn: Turn;
}

/** Waits for memory. @returns false if the wait took too long, the upload was dropped, or the caller has left. */
async function comesTurn({ upload, turn, onWaited }: Pick<Reader, 'upload' | 'turn' | 'onWaited'>): Promise<boolean> {
  const came = await turn.come(upload);
  onWaited?.(turn.waitedMs);
  return came && upload.state !== 'dropped' && upload.state !== 'closed';
}

/** Reads a body so short that it arrives in one piece. `arrayBuffer` costs half as much as reading a stream. */
async function readShort(source: BodySource, declaredBytes: number, reader: Reader): Promise<Result<Body, BodyFault>> {
  const { upload, wait, uploader, maxStallMs = MAX_STALL_MS } = reader;
  upload.hold(declaredBytes, Date.now());
  let arriving = source.arrayBuffer();
  if (uploader.unprovedKey !== undefined) {
    const { promise: dropped, reject } = Promise.withResolvers<never>();
    upload.wake = () => reject(new Error('it had to make room'));
    arriving = Promise.race([arriving, dropped]);
  }
  const buffer = await wait(maxStallMs, arriving).catch(() => undefined);
  if (buffer?.byteLength !== declaredBytes) {
    const kind = upload.state === 'dropped' ? 'busy' : 'incomplete'; // otherwise the caller left or stopped sending
    upload.close(Date.now());
    return err({ kind });
  }
  const bytes = new Uint8Array(buffer);
  return ok(bodyOf(bytes, createHash('sha256').update(bytes).digest('hex'), reader));
}

async function readLong(stream: ReadableStream, mostBytes: number, reader: Reader): Promise<Result<Body, BodyFault>> {
  const { upload, uploader, maxStallMs } = reader;
  const isProved = uploader.unprovedKey === undefined;
  const source = readPieces(stream, {
    maxStallMs,
    leastBytesPerSecond: isProved ? LEAST_BYTES_PER_SECOND : LEAST_BYTES_PER_SECOND_UNPROVED,
    ...(!isProved && { isDropped: () => upload.state === 'dropped' }),
  });
  try {
    const read = await readAll(source, mostBytes, reader);
    if (!read.ok) upload.close(Date.now());
    return read;
  } catch {
    const kind = upload.state === 'dropped' ? 'busy' : 'incomplete'; // otherwise the caller left or stopped sending
    upload.close(Date.now());
    return err({ kind });
  } finally {
    source.stop();
  }
}

/** The loop of `readLong`. @throws whatever `source` throws */
async function readAll(source: Pieces, mostBytes: number, reader: Reader): Promise<Result<Body, BodyFault>> {
  const { upload, uploader, memory, maxBytes, declaredBytes } = reader;
  const hash = createHash('sha256');
  let buffer = new ArrayBuffer(0);
  let length = 0;
  while (length !== declaredBytes) {
    if (length === buffer.byteLength) {
      if (length === maxBytes) {
        const { value, done } = await source.read(new Uint8Array(1));
        if (value === undefined || done) break;
        upload.close(Date.now());
        buffer = new ArrayBuffer(0);
        const isProved = uploader.unprovedKey === undefined;
        const tenant = isProved ? uploader.tenant : undefined;
        const limits = isProved ? DISCARD_PROVED : DISCARD_UNPROVED;
        const rest = await discardPieces(source, { memory, tenant, limits }, length);
        return err({ kind: 'too-large', bytes: length + 1 + rest });
      }
      const more = nextBufferBytes(length, mostBytes);
      while (!upload.hold(more, Date.now())) {
        source.pause();
        if (upload.state !== 'waiting' || !(await comesTurn(reader))) {
          return err({ kind: reader.turn.isAborted ? 'incomplete' : 'busy' });
        }
      }
      buffer = buffer.transfer(more);
    }
    const { value, done } = await source.read(new Uint8Array(buffer, length, buffer.byteLength - length));
    if (value === undefined) return err({ kind: 'incomplete' });
    buffer = value.buffer as ArrayBuffer; // the same memory: a BYOB read takes the buffer and returns it
    hash.update(value);
    length += value.byteLength;
    upload.came(length, Date.now());
    if (done) break;
  }
  if (declaredBytes !== undefined && length !== declaredBytes) return err({ kind: 'incomplete' });
  return ok(bodyOf(new Uint8Array(buffer, 0, length), hash.digest('hex'), reader));
}

function bodyOf(bytes: Uint8Array<ArrayBuffer>, sha256: string, reader: Reader): Body {
  const { upload, uploader } = reader;
  upload.complete(Date.now());
  const close = () => {
    // Frees unsent bytes now instead of at the next garbage collection. (Once a sender takes a long body, `bytes` is empty.)
    if (bytes.byteLength > MAX_COLLECTED_BYTES) bytes.buffer.transfer(0);
    upload.close(Date.now());
  };
  let leftBytes = bytes.byteLength;
  return {
    bytes,
    sha256,
    async prove() {
      if (uploader.unprovedKey === undefined) return true;
      upload.prove(Date.now());
      return upload.state !== 'waiting' || (await comesTurn(reader));
    },
    onSent(sentBytes) {
      leftBytes -= sentBytes;
      if (leftBytes > 0) upload.release(sentBytes, Date.now());
      else close(); // also frees memory held beyond the body's length
    },
    close,
  };
}
