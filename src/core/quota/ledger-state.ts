import { type Period, windowStart } from './calendar.ts';
import type { LimitsDocument, Quota } from './limits.ts';

/** The ledger's record of a lease, kept until the lease is closed or written off. */
export interface OpenLease {
  readonly id: number;
  readonly calls: number;
  /** Absent if bytes were not limited. */
  readonly bytes?: number;
  usedCalls: number;
  usedBytes: number;
  readonly grantedAtMs: number;
  readonly endsAtMs: number;
  /** True if the lease's unused calls still take up room in the bucket. */
  inBucket: boolean;
}

/** The ledger's record of one isolate. */
export interface HolderState {
  /** Number of the last request that the ledger answered. */
  seq: number;
  /** Id of the last batch that the ledger counted. */
  batch: number;
  leases: OpenLease[];
  slots: number;
  slotsUntilMs: number;
  /** Slots that the ledger frees at a known time. Older code stored neither this field nor `slotFreeAtMs`. */
  lost?: { readonly slots: number; readonly freesAtMs: number }[];
  /** Estimated time (epoch ms) at which the first of the isolate's slots becomes free. */
  slotFreeAtMs?: number;
  /** Calls that the isolate had admitted but not yet reported at the time of its last request. */
  inFlight: number;
  seenAtMs: number;
}

/** A tenant's ledger. Plain data. Only the functions of `ledger.ts` change a ledger. */
export interface LedgerState {
  /** Latest time given to the ledger (epoch ms). Never decreases, even if the clock goes back. */
  atMs: number;
  /** Tokens available to lease. Null if the tenant has no rate limit. */
  level: number | null;
  /** Leased tokens that isolates may still use or return. */
  outstanding: number;
  /** Recent demand of all isolates together, in calls per second. */
  demand: number;
  /** Slots held by all isolates together. */
  slots: number;
  sweepAtMs: number;
  /** Calls and bytes, used or leased, in each period's current window. */
  windows: Record<Period, { startMs: number; calls: number; bytes: number }>;
  holders: Map<string, HolderState>;
}

export function createLedger(nowMs: number): LedgerState {
  const window = (period: Period) => ({ startMs: windowStart(period, nowMs), calls: 0, bytes: 0 });
  return {
    atMs: nowMs,
    level: null,
    outstanding: 0,
    demand: 0,
    slots: 0,
    sweepAtMs: nowMs,
    windows: { day: window('day'), week: window('week'), month: window('month') },
    holders: new Map(),
  };
}

/** The stored part of a ledger. The rest of the state is computed from the holders. */
export type StoredLedger = Pick<LedgerState, 'atMs' | 'level' | 'demand' | 'windows'>;

/** Rebuilds a ledger from its stored parts. */
export function restoreLedger(stored: StoredLedger, holders: ReadonlyMap<string, HolderState>): LedgerState {
  const { atMs, level, demand, windows } = stored;
  const state = { ...createLedger(atMs), level, demand, windows, holders: new Map(holders) };
  for (const { leases, slots } of holders.values()) {
    state.slots += slots;
    for (const { inBucket, calls, usedCalls } of leases) if (inBucket) state.outstanding += calls - usedCalls;
  }
  return state;
}

/** The ledger may lease this many seconds' worth of tokens before they accrue. */
const RATE_AHEAD = 0.75;

/**
 * Capacity of the bucket in tokens: `burst`, plus part of a second's worth of tokens because tokens are leased ahead.
 * Leased calls that may still be used take up room in the bucket. So at most this capacity plus `perSecond` x T calls are
 * forwarded in any interval T. Promise 2 (README) allows a full second's worth of tokens on top of `burst`. The remaining
 * quarter of a second is slack for calls that overtake each other on the way to Lambda.
 */
export const capacityOf = ({ perSecond, burst }: NonNullable<LimitsDocument['rate']>): number =>
  burst + perSecond * RATE_AHEAD;

/** Units of a quota that are neither used nor leased. */
export const leftOf = ({ windows }: LedgerState, { period, unit, amount }: Quota): number =>
  amount - windows[period][unit];
