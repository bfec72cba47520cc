import { GROUP_TO_FREE, OWNER_TO_FREE, type PoolLimits } from './pool.ts';

const KIB = 1024;
const MIB = 1024 * KIB;

/** A body of at most this many bytes is short: it arrives in one piece and uses a separate reserve. */
export const SHORT_BODY_BYTES = 16 * KIB;
/** A body of at most this many bytes from an unproved caller never queues behind a longer body of the same key. */
export const TINY_BODY_BYTES = KIB;
/** Lambda's largest payload in bytes (Lambda quotas). No body is read beyond it. */
const LARGEST_BODY_BYTES = 6_291_456;

/** Size of an upload's first buffer. */
const START_BYTES = 16 * KIB;
/** Size of the second buffer, and the factor by which it grows. Growth copies; a larger factor wastes memory. */
const NEXT_BYTES = 256 * KIB;
const GROWTH = 4;

/** Next buffer size, in bytes, once a long body's buffer is full: memory follows the bytes received, not the declared length. */
export const nextBufferBytes = (heldBytes: number, mostBytes: number): number =>
  Math.min(heldBytes === 0 ? START_BYTES : Math.max(NEXT_BYTES, heldBytes * GROWTH), mostBytes);

/** A call waits for memory at most this long in total. Then it is refused as `busy`. */
export const MAX_WAIT_MS = 30_000;
/** Milliseconds between checks for slow uploads while another upload waits. */
export const WAIT_CHECK_MS = 250;

/** Most calls that may wait for memory: in an isolate, and for one tenant or key. */
export const MAX_WAITING = 256;
export const MAX_WAITING_OF_OWNER = 64;
/** Most waiting calls from unproved callers. A proved caller may take the place of one. */
export const MAX_WAITING_UNPROVED = 128;

/** Memory limits of each kind of body, and how owners share the memory. */
export interface BodyMemoryLimits {
  readonly provedShort: PoolLimits;
  readonly provedLong: PoolLimits;
  readonly unprovedShort: PoolLimits;
  readonly unprovedLong: PoolLimits;
  /** For bodies that are read only to be discarded. */
  readonly scratch: PoolLimits;
}

/** Shares that follow the pool's turns: an owner leaves a third free, and a group leaves room for another group's short bodies. */
const pool = (capacityBytes: number, maxClaimBytes: number) => ({
  capacityBytes,
  shareBytes: Math.floor((capacityBytes * OWNER_TO_FREE) / (OWNER_TO_FREE + 1)),
  groupShareBytes: Math.floor((capacityBytes * GROUP_TO_FREE) / (GROUP_TO_FREE + 1)),
  maxClaimBytes,
});

/** A demoted upload loses only its turn. */
const DEMOTE_AFTER_MS = 1_000;
/** A dropped upload is refused. Long enough that no honest caller is dropped, even if its machine or ours is busy. */
const DROP_AFTER_MS = 3_000;

/**
 * An isolate holds at most 64 MiB of bodies, half of its 128 MB. Bodies leave piece by piece and are
 * never held twice. Unproved callers have separate budgets, so they cost proved callers nothing.
 */
export const BODY_MEMORY_LIMITS: BodyMemoryLimits = {
  provedShort: { ...pool(4 * MIB, SHORT_BODY_BYTES), slow: 'demote', graceMs: DEMOTE_AFTER_MS, startBytes: MIB },
  provedLong: {
    ...pool(32 * MIB, LARGEST_BODY_BYTES),
    slow: 'demote',
    graceMs: DEMOTE_AFTER_MS,
    startBytes: START_BYTES,
  },
  unprovedShort: { ...pool(4 * MIB, SHORT_BODY_BYTES), slow: 'drop', graceMs: DROP_AFTER_MS, startBytes: MIB },
  unprovedLong: {
    ...pool(22 * MIB, LARGEST_BODY_BYTES),
    slow: 'drop',
    graceMs: DROP_AFTER_MS,
    startBytes: START_BYTES,
  },
  scratch: { ...pool(2 * MIB, 64 * KIB), slow: 'drop', graceMs: DROP_AFTER_MS, startBytes: MIB },
};
