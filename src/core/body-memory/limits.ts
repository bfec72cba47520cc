import { GROUP_TO_FREE, OWNER_TO_FREE, type PoolLimits } from './pool.ts';

const KIB = 1024;
const MIB = 1024 * KIB;

/** A body of at most this many bytes is short: it comes in one piece and has a reserve of its own. */
export const SHORT_BODY_BYTES = 16 * KIB;
/** A body of at most this many bytes from an unproved caller never queues behind a longer one of the same key. */
export const TINY_BODY_BYTES = KIB;
/** The largest payload of Lambda's (Lambda quotas): no body is read past it. */
const LARGEST_BODY_BYTES = 6_291_456;

/** What an upload begins with. */
const START_BYTES = 16 * KIB;
/** The next buffer, and how it grows. Each growth copies; a larger factor would hold more memory for bytes that have not come. */
const NEXT_BYTES = 256 * KIB;
const GROWTH = 4;

/** How large the buffer of a long body becomes when it is full: memory follows what has come, not what was declared. */
export const nextBufferBytes = (heldBytes: number, mostBytes: number): number =>
  Math.min(heldBytes === 0 ? START_BYTES : Math.max(NEXT_BYTES, heldBytes * GROWTH), mostBytes);

/** A call waits for memory no longer than this, in all. Then it is refused as `busy`. */
export const MAX_WAIT_MS = 30_000;
/** While an upload waits, the time is checked this often: a slow upload gives way after a time. */
export const WAIT_CHECK_MS = 250;

/** Calls that may wait for memory in an isolate, and of one tenant or key. */
export const MAX_WAITING = 256;
export const MAX_WAITING_OF_OWNER = 64;
/** How many of them may be unproved callers. A proved caller takes the place of one. */
export const MAX_WAITING_UNPROVED = 128;

/** Bytes that bodies of one kind may hold, and how they share them. */
export interface BodyMemoryLimits {
  readonly provedShort: PoolLimits;
  readonly provedLong: PoolLimits;
  readonly unprovedShort: PoolLimits;
  readonly unprovedLong: PoolLimits;
  /** For bodies that are read only to be discarded. */
  readonly scratch: PoolLimits;
}

/** As a pool's turns have it: an owner leaves a third free, and a group enough for short bodies of another. */
const pool = (capacityBytes: number, maxClaimBytes: number) => ({
  capacityBytes,
  shareBytes: Math.floor((capacityBytes * OWNER_TO_FREE) / (OWNER_TO_FREE + 1)),
  groupShareBytes: Math.floor((capacityBytes * GROUP_TO_FREE) / (GROUP_TO_FREE + 1)),
  maxClaimBytes,
});

/** A demoted upload loses only its turn. */
const DEMOTE_AFTER_MS = 1_000;
/** A dropped upload is refused. Long enough that no honest caller is, even if this machine or its own is busy. */
const DROP_AFTER_MS = 3_000;

/**
 * What an isolate holds: 64 MiB in all, half of its 128 MB. Bodies leave piece by piece and are
 * not held twice. Unproved callers have budgets of their own, so they cost proved callers nothing.
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
