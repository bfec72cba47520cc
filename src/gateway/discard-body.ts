import type { BodyMemory } from '../core/body-memory/body-memory.ts';
import { type Pieces, readPieces } from './pieces.ts';

/** How much of a refused body is thrown away, so that its caller reads the answer and not a reset. */
export interface DiscardLimits {
  readonly maxBytes: number;
  /** A caller that sends nothing for this long is answered: it may wait for us. */
  readonly maxStallMs: number;
  readonly maxMs: number;
  readonly scratchBytes: number;
}

/** For a proved caller. */
export const DISCARD_PROVED: DiscardLimits = {
  maxBytes: 100_000_000,
  maxStallMs: 2_000,
  maxMs: 30_000,
  scratchBytes: 64 * 1024,
};
/** For a caller that names one of our keys and may be honest: SDKs read why their payload is too large. */
export const DISCARD_UNPROVED: DiscardLimits = { ...DISCARD_PROVED, maxMs: 10_000, scratchBytes: 4 * 1024 };
/** For any other: no honest call has more bytes, and its bytes should cost us little. */
export const DISCARD_UNKNOWN: DiscardLimits = {
  maxBytes: 6_291_456,
  maxStallMs: 2_000,
  maxMs: 2_000,
  scratchBytes: 4 * 1024,
};

/** A small scratch buffer grows to this if bytes arrive quickly and there is room. Reads of 4 KiB cost six times as much. */
const LARGER_SCRATCH_BYTES = 128 * 1024;

export interface Discarder {
  readonly memory: BodyMemory;
  /** For callers that have proved themselves. */
  readonly tenant: string | undefined;
  readonly limits: DiscardLimits;
}

/**
 * Throws away the body of a refused call as it comes. Does nothing if the body was read. Without memory to do it, the caller
 * is answered at once, and may see a reset.
 */
export async function discardBody(stream: ReadableStream | null, discarder: Discarder): Promise<void> {
  if (stream === null || stream.locked) return;
  const { maxStallMs, maxMs } = discarder.limits;
  const source = readPieces(stream, { maxStallMs, maxMs });
  try {
    await discardPieces(source, discarder);
  } finally {
    source.stop();
  }
}

/** Reads the rest of a body and discards it. @returns the bytes that were read. */
export async function discardPieces(source: Pieces, discarder: Discarder, hadBytes = 0): Promise<number> {
  const { memory, tenant } = discarder;
  const { maxBytes, scratchBytes } = discarder.limits;
  const scratch = memory.takeScratch(tenant, scratchBytes, Date.now());
  if (!scratch) return 0;
  const taken = [scratch];
  const grow = () => {
    const larger = scratchBytes < LARGER_SCRATCH_BYTES && memory.takeScratch(tenant, LARGER_SCRATCH_BYTES, Date.now());
    if (!larger) return undefined;
    taken.push(larger);
    return LARGER_SCRATCH_BYTES;
  };
  try {
    return await source.discard(maxBytes - hadBytes, scratchBytes, grow);
  } catch {
    return 0; // the caller went away, or stopped sending: it gets its answer now
  } finally {
    for (const one of taken) memory.giveScratch(one, Date.now());
  }
}
