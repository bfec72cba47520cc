import type { BodyMemory } from '../core/body-memory/body-memory.ts';
import { type Pieces, readPieces } from './pieces.ts';

/** Limits on discarding a refused body. Discarding lets the caller read the answer instead of seeing a reset. */
export interface DiscardLimits {
  readonly maxBytes: number;
  /** A caller that sends nothing for this long gets its answer: it may be waiting for us. */
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
/** For an unproved caller that names one of our keys and may be honest: its SDK should read why the payload is too large. */
export const DISCARD_UNPROVED: DiscardLimits = { ...DISCARD_PROVED, maxMs: 10_000, scratchBytes: 4 * 1024 };
/** For any other caller. No honest call has more bytes, and an unknown caller's bytes should cost us little. */
export const DISCARD_UNKNOWN: DiscardLimits = {
  maxBytes: 6_291_456,
  maxStallMs: 2_000,
  maxMs: 2_000,
  scratchBytes: 4 * 1024,
};

/** A scratch buffer grows to this if enough bytes arrive and there is room. Reads of 4 KiB cost six times as much. */
const LARGER_SCRATCH_BYTES = 128 * 1024;

export interface Discarder {
  readonly memory: BodyMemory;
  /** The tenant of a proved caller. Undefined for an unproved caller. */
  readonly tenant: string | undefined;
  readonly limits: DiscardLimits;
}

/**
 * Reads and discards the body of a refused call. Does nothing if the body has been read. If there is no memory for
 * discarding, the caller is answered at once and may see a reset.
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

/** Reads and discards the rest of a body. @returns the number of bytes, or 0 if the caller left or stopped sending. */
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
    return 0; // the caller left or stopped sending, so it gets its answer now
  } finally {
    for (const one of taken) memory.giveScratch(one, Date.now());
  }
}
