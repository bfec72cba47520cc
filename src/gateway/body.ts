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

/** A request body that is all here. */
export interface Body {
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** The hash of the bytes, in lower-case hex. */
  readonly sha256: string;
  /** The caller has proved itself: the body becomes one of a proved caller's. @returns false if there is no room. */
  prove(): Promise<boolean>;
  /** Frees bytes that have been sent. The payload is free when all of its bytes are. */
  readonly onSent: (bytes: number) => void;
  /** Frees all of it. May be called at any time, and more than once. */
  readonly close: () => void;
}

/** Why a body could not be read, and how many bytes had arrived. */
export type BodyFault =
  | { readonly kind: 'too-large'; readonly bytes: number }
  | { readonly kind: 'busy' }
  | { readonly kind: 'incomplete' };

export interface BodyLimits {
  readonly maxBytes: number;
  /** Content-Length, where the caller sent one; at most `maxBytes`. */
  readonly declaredBytes: number | undefined;
  readonly memory: BodyMemory;
  readonly uploader: Uploader;
  readonly maxStallMs?: number;
  readonly maxWaitMs?: number;
  /** How it is waited for. */
  readonly wait?: Within;
  /** Called after each wait for memory, with how long the call has waited in all. */
  readonly onWaited?: (waitedMs: number) => void;
}

/** What has a body: a request. */
export interface BodySource extends Pick<Request, 'body' | 'arrayBuffer'> {
  readonly signal?: AbortSignal;
}

/** SHA-256 of no bytes at all. */
const EMPTY_SHA256 = 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855';
const EMPTY: Body = {
  bytes: new Uint8Array(0),
  sha256: EMPTY_SHA256,
  prove: async () => true,
  onSent: () => {},
  close: () => {},
};
/** Less may wait for the collector. */
const MAX_COLLECTED_BYTES = 64 * 1024;
const NEVER = new AbortController().signal;

/**
 * Reads a body once, into one buffer, hashing it as it comes. A call for which there is no memory yet waits for its turn
 * without touching the body: the runtime then stops reading the socket, and nothing is held.
 */
export async function readBody(source: BodySource, limits: BodyLimits): Promise<Result<Body, BodyFault>> {
  const { declaredBytes, maxBytes, memory, uploader, wait = within, maxWaitMs } = limits;
  const mostBytes = declaredBytes ?? maxBytes;
  const isShort = declaredBytes !== undefined && declaredBytes <= SHORT_BODY_BYTES;
  const stream = isShort ? undefined : source.body; // asked for only then: the runtime makes an object for it
  if (declaredBytes === 0 || stream === null) return ok(EMPTY);
  const { tenant, unprovedKey, network } = uploader;
  const upload = memory.open({ tenant, unprovedKey, network, mostBytes, nowMs: Date.now() });
  if (!upload) return err({ kind: 'busy' });
  const signal = () => source.signal ?? NEVER; // made only when it is asked for
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

/** Waits for memory. @returns false if none comes, or the caller has left. */
async function comesTurn({ upload, turn, onWaited }: Pick<Reader, 'upload' | 'turn' | 'onWaited'>): Promise<boolean> {
  const came = await turn.come(upload);
  onWaited?.(turn.waitedMs);
  return came && upload.state !== 'dropped' && upload.state !== 'closed';
}

/** Reads a body that is so short that it comes in one piece, as the runtime reads it by itself: at half the price. */
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
    const kind = upload.state === 'dropped' ? 'busy' : 'incomplete'; // else it went away, or stopped sending
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
    const kind = upload.state === 'dropped' ? 'busy' : 'incomplete'; // else it went away, or stopped sending
    upload.close(Date.now());
    return err({ kind });
  } finally {
    source.stop();
  }
}

/** The loop of `readLong`. @throws as `source` does */
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
    buffer = value.buffer as ArrayBuffer; // the same memory: a BYOB read hands it over and back
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
    // Frees bytes that were not sent now, instead of at the next garbage collection. (A sender has taken over its bytes.)
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
      else close(); // with what was held beyond it
    },
    close,
  };
}
