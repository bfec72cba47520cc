import { GROUP_TO_FREE, OWNER_TO_FREE, type PoolLimits } from './pool.ts';

const KIB = 1024;
const MIB = 1024 * KIB;

/** Maximum bytes of a short body. A short body arrives in one piece and uses a separate budget. */
export const SHORT_BODY_BYTES = 16 * KIB;
/** A body of at most this many bytes from an unproved caller never queues behind a longer body of the same key. */
export const TINY_BODY_BYTES = KIB;
/** Lambda's largest payload in bytes (Lambda quotas). No body is read beyond this length. */
const LARGEST_BODY_BYTES = 6_291_456;

/** Size of an upload's first buffer, in bytes. */
const START_BYTES = 16 * KIB;
/**
 * Size of the second buffer in bytes, and the growth factor of later buffers. A smaller factor copies more often, and a
 * larger factor wastes memory.
 */
const NEXT_BYTES = 256 * KIB;
const GROWTH = 4;

/**
 * Returns the size in bytes of the next buffer when a long body has filled its buffer. Memory follows the bytes
 * received, not the declared length.
 */
export const nextBufferBytes = (heldBytes: number, mostBytes: number): number =>
  Math.min(heldBytes === 0 ? START_BYTES : Math.max(NEXT_BYTES, heldBytes * GROWTH), mostBytes);

/** Maximum total milliseconds that a call waits for memory. The call is then refused as `busy`. */
export const MAX_WAIT_MS = 30_000;
/** Milliseconds between checks for slow uploads while another upload waits. */
export const WAIT_CHECK_MS = 250;

/** Maximum calls that may wait for memory: in an isolate, and of one owner (a tenant, or a key and its network). */
export const MAX_WAITING = 256;
export const MAX_WAITING_OF_OWNER = 64;
/** Maximum waiting calls from unproved callers. A proved call may take the place of an unproved call. */
export const MAX_WAITING_UNPROVED = 128;

/** Memory limits of each kind of body, and how owners share the memory. */
export interface BodyMemoryLimits {
  readonly provedShort: PoolLimits;
  readonly provedLong: PoolLimits;
  readonly unprovedShort: PoolLimits;
  readonly unprovedLong: PoolLimits;
  /** For refused bodies, which are read and discarded. */
  readonly scratch: PoolLimits;
}

/**
 * Derives the shares from the ratios that the pool's turns use: an owner leaves a third of the pool free, and a group
 * leaves room for the short bodies of other groups.
 */
const pool = (capacityBytes: number, maxClaimBytes: number) => ({
  capacityBytes,
  shareBytes: Math.floor((capacityBytes * OWNER_TO_FREE) / (OWNER_TO_FREE + 1)),
  groupShareBytes: Math.floor((capacityBytes * GROUP_TO_FREE) / (GROUP_TO_FREE + 1)),
  maxClaimBytes,
});

/** Milliseconds before a slow upload may be demoted. A demoted upload loses only its turn. */
const DEMOTE_AFTER_MS = 1_000;
/**
 * Milliseconds before a slow upload may be dropped and its call refused. The time is long enough that no honest caller
 * is dropped, even if the caller's machine or ours is busy.
 */
const DROP_AFTER_MS = 3_000;

/**
 * An isolate holds at most 64 MiB of bodies, half of its 128 MB. Bodies leave piece by piece and are never held twice.
 * Unproved callers have separate budgets, so they take no memory from proved callers.
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
