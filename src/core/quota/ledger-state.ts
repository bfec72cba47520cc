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
  /** Its unused calls are still tokens of the bucket. */
  inBucket: boolean;
}

/** What the ledger knows of an isolate. */
export interface HolderState {
  /** The last request that was answered, and the last batch that was counted. */
  seq: number;
  batch: number;
  leases: OpenLease[];
  slots: number;
  slotsUntilMs: number;
  /** Of its slots, those that come free by themselves. Absent in what older code has stored, as is the next. */
  lost?: { readonly slots: number; readonly freesAtMs: number }[];
  /** When the first of its slots is likely to come free. */
  slotFreeAtMs?: number;
  /** Calls that it has admitted and not accounted for, when it was last heard. */
  inFlight: number;
  seenAtMs: number;
}

/** A tenant's ledger. Plain data; only the functions of this file change it. */
export interface LedgerState {
  /** The latest time handed in (epoch ms). It never goes back, even if the clock does. */
  atMs: number;
  /** Tokens that may be granted; null while there is no rate. */
  level: number | null;
  /** Tokens in leases that may still be used or come back. */
  outstanding: number;
  /** Calls wanted by all isolates in a second, of late. */
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

/** A ledger as it is stored: the rest of its state follows from the holders. */
export type StoredLedger = Pick<LedgerState, 'atMs' | 'level' | 'demand' | 'windows'>;

/** Puts a stored ledger together again. */
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
 * The bucket holds `burst` tokens, and a part of a second's tokens on top because they are leased ahead. Calls that are
 * leased and may still be used take room in it. So any interval T forwards at most this, plus `perSecond` x T. Promise 2
 * would allow a whole second's on top; the rest is slack for calls that overtake each other on their way to Lambda.
 */
export const capacityOf = ({ perSecond, burst }: NonNullable<LimitsDocument['rate']>): number =>
  burst + perSecond * RATE_AHEAD;

/** What a quota has left: neither used nor leased. */
export const leftOf = ({ windows }: LedgerState, { period, unit, amount }: Quota): number =>
  amount - windows[period][unit];
