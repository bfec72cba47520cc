import { createHash } from 'node:crypto';
import { no, ok, type Result } from '../core/result.ts';
import type { BodyBudget } from './body-budget.ts';

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
  readonly budget: BodyBudget;
}

/** SHA-256 of no bytes at all. */
const EMPTY_SHA256 = 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855';
const FIRST_BYTES = 64 * 1024;
/** A known caller's refused body is thrown away as it comes up to here, so that it reads its answer and not a reset. */
export const MAX_DRAINED_BYTES = 100_000_000;
/** The same for a caller that is not known: no honest call has more, and what it sends should cost us little. */
export const MAX_DRAINED_BYTES_OF_UNKNOWN = 6_291_456;

/**
 * Reads a body once, into one buffer, hashing it as it comes. The buffer has the declared length or grows in place;
 * the budget is asked before each byte that it grows by.
 */
export async function readBody(stream: ReadableStream | null, limits: BodyLimits): Promise<Result<Body, BodyFault>> {
  const { maxBytes, declaredBytes, budget } = limits;
  if (stream === null || declaredBytes === 0) {
    return ok({ bytes: new Uint8Array(0), sha256: EMPTY_SHA256, release: () => {} });
  }
  let held = 0;
  const grow = (to: number) => {
    if (!budget.take(to - held)) return false;
    held = to;
    return true;
  };
  const fail = (fault: BodyFault) => {
    budget.give(held);
    return no(fault);
  };

  if (!grow(Math.min(declaredBytes ?? FIRST_BYTES, maxBytes))) return fail({ kind: 'over-budget' });
  const reader = stream.getReader({ mode: 'byob' });
  const hash = createHash('sha256');
  let buffer = new ArrayBuffer(held);
  let length = 0;
  try {
    while (length !== declaredBytes) {
      if (length === held) {
        if (held === maxBytes) {
          const over = await drain(reader, MAX_DRAINED_BYTES - length);
          if (over === 0) break;
          return fail({ kind: 'too-large', bytes: length + over });
        }
        if (!grow(Math.min(held * 2, maxBytes))) return fail({ kind: 'over-budget' });
        buffer = buffer.transfer(held);
      }
      const { value, done } = await reader.read(new Uint8Array(buffer, length, held - length));
      if (value === undefined) return fail({ kind: 'incomplete' });
      buffer = value.buffer as ArrayBuffer; // the same memory: a BYOB read hands it over and back
      hash.update(value);
      length += value.byteLength;
      if (done) break;
    }
  } catch {
    return fail({ kind: 'incomplete' }); // the caller went away
  }
  if (declaredBytes !== undefined && length !== declaredBytes) return fail({ kind: 'incomplete' });
  const release = () => budget.give(held);
  return ok({ bytes: new Uint8Array(buffer, 0, length), sha256: hash.digest('hex'), release });
}

/** Throws the body of a refused call away as it comes, at most so many bytes. Does nothing for one that was read. */
export async function discardBody(stream: ReadableStream | null, maxBytes: number): Promise<void> {
  if (stream === null || stream.locked) return;
  try {
    await drain(stream.getReader({ mode: 'byob' }), maxBytes);
  } catch {
    // The caller went away.
  }
}

/** Throws bytes away as they come, at most so many. @returns how many came. */
async function drain(reader: ReadableStreamBYOBReader, maxBytes: number): Promise<number> {
  let scratch = new ArrayBuffer(FIRST_BYTES);
  let drained = 0;
  while (drained < maxBytes) {
    const { value, done } = await reader.read(new Uint8Array(scratch));
    if (value === undefined || done) return drained;
    drained += value.byteLength;
    scratch = value.buffer as ArrayBuffer;
  }
  await reader.cancel();
  return drained;
}
