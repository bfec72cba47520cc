import { createHash } from 'node:crypto';
import { no, ok, type Result } from '../core/result.ts';
import { type Within, within } from '../upstream/within.ts';
import type { BodyShare } from './body-budget.ts';

/** A request body that is all here. */
export interface Body {
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** Of the bytes, in lower-case hex. */
  readonly sha256: string;
  /** Gives the bytes back to the budget; to be called once, when nothing needs them any more. */
  readonly release: () => void;
}

/** Why a body could not be read. `bytes` is how many came. */
export type BodyFault =
  | { readonly kind: 'too-large'; readonly bytes: number }
  | { readonly kind: 'over-budget' }
  | { readonly kind: 'incomplete' };

export interface BodyLimits {
  readonly maxBytes: number;
  /** Content-Length, where the caller sent one; at most `maxBytes`. */
  readonly declaredBytes: number | undefined;
  /** The caller's part of the isolate's budget. */
  readonly share: BodyShare;
  readonly maxStallMs?: number;
  /** How it is waited for. */
  readonly wait?: Within;
}

/** SHA-256 of no bytes at all. */
const EMPTY_SHA256 = 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855';
const FIRST_BYTES = 64 * 1024;
const SHORT_BYTES = 16 * 1024;
/** How much more than has come may be held for what is still to come: each growth copies, and fresh memory is dear. */
const GROWTH = 16;
/** A known caller's refused body is thrown away as it comes up to here, so that it reads its answer and not a reset. */
export const MAX_DRAINED_BYTES = 100_000_000;
/** The same for a caller that is not known: no honest call has more, and what it sends should cost us little. */
export const MAX_DRAINED_BYTES_OF_UNKNOWN = 6_291_456;
/** An upload that brings nothing for so long has been given up by its sender, or is meant to hold our memory. */
const MAX_STALL_MS = 10_000;

/** What has a body: a request. */
export type BodySource = Pick<Request, 'body' | 'arrayBuffer'>;

/**
 * Reads a body once, into one buffer, hashing it as it comes. The buffer grows with what has come, and the budget is
 * asked before each growth: a length that is only declared holds little.
 */
export async function readBody(source: BodySource, limits: BodyLimits): Promise<Result<Body, BodyFault>> {
  const { declaredBytes } = limits;
  if (source.body === null || declaredBytes === 0) {
    return ok({ bytes: new Uint8Array(0), sha256: EMPTY_SHA256, release: () => {} });
  }
  if (declaredBytes !== undefined && declaredBytes <= SHORT_BYTES) return readShort(source, declaredBytes, limits);
  return readLong(source.body, limits);
}

/** Reads a body that is so short that it comes in one piece, as the runtime reads it by itself: at half the price. */
async function readShort(
  source: BodySource,
  declaredBytes: number,
  { share, maxStallMs = MAX_STALL_MS, wait = within }: BodyLimits,
): Promise<Result<Body, BodyFault>> {
  if (!share.take(declaredBytes)) return no({ kind: 'over-budget' });
  const release = () => share.give(declaredBytes);
  const buffer = await wait(maxStallMs, source.arrayBuffer()).catch(() => undefined);
  if (buffer?.byteLength !== declaredBytes) {
    release();
    return no({ kind: 'incomplete' }); // the caller went away, or stopped sending
  }
  const bytes = new Uint8Array(buffer);
  return ok({ bytes, sha256: createHash('sha256').update(bytes).digest('hex'), release });
}

async function readLong(stream: ReadableStream, limits: BodyLimits): Promise<Result<Body, BodyFault>> {
  const { maxBytes, declaredBytes, share, maxStallMs = MAX_STALL_MS } = limits;
  let held = 0;
  let buffer = new ArrayBuffer(0);
  let length = 0;
  const grow = (to: number) => {
    if (!share.take(to - held)) return false;
    held = to;
    return true;
  };
  const giveBack = () => {
    share.give(held);
    held = 0;
  };
  const fail = (fault: BodyFault) => {
    giveBack();
    return no(fault);
  };
  /** Lets go of what has come, and throws away the rest. @returns how much that was. */
  const giveUp = (source: ReturnType<typeof readPieces>) => {
    giveBack();
    buffer = new ArrayBuffer(0);
    return source.discard(MAX_DRAINED_BYTES - length);
  };

  const most = declaredBytes ?? maxBytes;
  if (!grow(Math.min(FIRST_BYTES, most))) return fail({ kind: 'over-budget' });
  buffer = new ArrayBuffer(held);
  const source = readPieces(stream, maxStallMs);
  const hash = createHash('sha256');
  try {
    while (length !== declaredBytes) {
      if (length === held) {
        if (held === maxBytes) {
          const { value, done } = await source.read(new Uint8Array(1));
          if (value === undefined || done) break;
          return no({ kind: 'too-large', bytes: length + 1 + (await giveUp(source)) });
        }
        if (!grow(Math.min(held * GROWTH, most))) {
          await giveUp(source);
          return no({ kind: 'over-budget' });
        }
        buffer = buffer.transfer(held);
      }
      const { value, done } = await source.read(new Uint8Array(buffer, length, held - length));
      if (value === undefined) return fail({ kind: 'incomplete' });
      buffer = value.buffer as ArrayBuffer; // the same memory: a BYOB read hands it over and back
      hash.update(value);
      length += value.byteLength;
      if (done) break;
    }
  } catch {
    return fail({ kind: 'incomplete' }); // the caller went away, or stopped sending
  } finally {
    source.stop();
  }
  if (declaredBytes !== undefined && length !== declaredBytes) return fail({ kind: 'incomplete' });
  const release = () => share.give(held);
  return ok({ bytes: new Uint8Array(buffer, 0, length), sha256: hash.digest('hex'), release });
}

/** Throws the body of a refused call away as it comes, at most so many bytes. Does nothing for one that was read. */
export async function discardBody(
  stream: ReadableStream | null,
  maxBytes: number,
  maxStallMs: number = MAX_DISCARD_STALL_MS,
): Promise<void> {
  if (stream === null || stream.locked) return;
  const source = readPieces(stream, maxStallMs);
  try {
    await source.discard(maxBytes);
  } catch {
    // The caller went away, or stopped sending: it gets its answer now.
  } finally {
    source.stop();
  }
}

/** A refused caller that sends nothing for so long is answered: it may wait for us. */
const MAX_DISCARD_STALL_MS = 2_000;

/** Reads a stream piece by piece, and throws when nothing has come for too long. */
function readPieces(stream: ReadableStream, maxStallMs: number) {
  const reader = stream.getReader({ mode: 'byob' });
  let moved = false;
  let stalled = false;
  // One timer for a body, not one for a read: it looks whether anything has come since it last did.
  const watch = setInterval(() => {
    stalled = !moved;
    moved = false;
    if (stalled) reader.cancel().catch(() => {}); // ends the read that waits
  }, maxStallMs);

  const read = async (into: Uint8Array<ArrayBuffer>) => {
    const piece = await reader.read(into);
    if (stalled) throw new Error(`nothing came for ${maxStallMs} ms`);
    moved = true;
    return piece;
  };
  return {
    read,
    /** Throws bytes away as they come, at most so many. @returns how many came. */
    async discard(maxBytes: number): Promise<number> {
      let scratch = new ArrayBuffer(FIRST_BYTES);
      let discarded = 0;
      while (discarded < maxBytes) {
        const { value, done } = await read(new Uint8Array(scratch));
        if (value === undefined || done) return discarded;
        discarded += value.byteLength;
        scratch = value.buffer as ArrayBuffer;
      }
      await reader.cancel();
      return discarded;
    },
    stop: () => clearInterval(watch),
  };
}
