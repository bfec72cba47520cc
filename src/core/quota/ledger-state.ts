import { type Period, windowStart } from './calendar.ts';
import type { LimitsDocument, Quota } from './limits.ts';

/** A lease as the ledger remembers it until it is settled. */
export interface OpenLease {
  readonly id: number;
  readonly calls: number;
  /** Absent when bytes were not limited. */
  readonly bytes?: number;
  usedCalls: number;
  usedBytes: number;
  readonly grantedAtMs: number;
  readonly endsAtMs: number;
  /** The lease's unused calls still take room in the bucket. */
  inBucket: boolean;
}

/** The ledger's knowledge of one isolate. */
export interface HolderState {
  /** The last request that was answered, and the last batch that was counted. */
  seq: number;
  batch: number;
  leases: OpenLease[];
  slots: number;
  slotsUntilMs: number;
  /** Slots that become free by themselves. Older code stored neither this field nor the next. */
  lost?: { readonly slots: number; readonly freesAtMs: number }[];
  /** When the first of the isolate's slots is likely to become free. */
  slotFreeAtMs?: number;
  /** Calls that the isolate had admitted but not accounted for, at its last request. */
  inFlight: number;
  seenAtMs: number;
}

/** A tenant's ledger. Plain data; only the functions of this file change it. */
export interface LedgerState {
  /** The latest time given to the ledger (epoch ms). It never goes back, even if the clock does. */
  atMs: number;
  /** Tokens that may be granted. Null while there is no rate. */
  level: number | null;
  /** Tokens in leases that may still be used or come back. */
  outstanding: number;
  /** Recent demand of all isolates, in calls per second. */
  demand: number;
  /** Slots of all isolates. */
  slots: number;
  sweepAtMs: number;
  /** Calls and bytes of each window: those used, and those leased. */
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

/** The stored part of a ledger. The rest of its state follows from the holders. */
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

/** Seconds of a rate's tokens that may be leased ahead of their time. */
const RATE_AHEAD = 0.75;

/**
 * Capacity of the bucket in tokens: `burst`, plus part of a second's tokens because tokens are leased ahead. Leased calls
 * that may still be used take room in it. So any interval T forwards at most this capacity plus `perSecond` x T. Promise 2
 * would allow a whole second's tokens more; the rest is slack for calls that overtake each other on the way to Lambda.
 */
export const capacityOf = ({ perSecond, burst }: NonNullable<LimitsDocument['rate']>): number =>
  burst + perSecond * RATE_AHEAD;

/** What a quota has left: neither used nor leased. */
export const leftOf = ({ windows }: LedgerState, { period, unit, amount }: Quota): number =>
  amount - windows[period][unit];
