import { PERIODS, windowEnd, windowStart } from './calendar.ts';
import type { Batch, Denial, LeaseRequest, LeaseResponse } from './lease-protocol.ts';
import { capacityOf, type HolderState, type LedgerState, leftOf, type OpenLease } from './ledger-state.ts';
import { limitStatuses } from './limit-status.ts';

import {
  LEASE_MS,
  LEASE_SHARE,
  type LimitsDocument,
  maxDurationMs,
  POOLED_CONCURRENCY,
  quotasOf,
  WAITING_SHARE,
} from './limits.ts';

/** Milliseconds after a lease's end during which the isolate may still return unused tokens. */
const TOKENS_RETURN_MS = 1_000;
/** The ledger writes off a lease this many milliseconds after the lease's end if no final report has arrived. */
export const WRITTEN_OFF_MS = 60_000;
/**
 * Milliseconds of silence after which the ledger forgets an isolate. By then, none of the isolate's messages is in transit.
 */
export const FORGOTTEN_MS = 3_600_000;
const SWEEP_MS = 250;
/** Milliseconds for which a denial for lack of a slot is valid. Short, because a slot may become free at any time. */
const NO_SLOT_MS = 100;
const MIN_DENIAL_MS = 20;
/** Maximum run time of a function in milliseconds (Lambda quotas). */
const MAX_NO_SLOT_MS = 900_000;
/** A tenant at its rate limit waits until the bucket holds up to this many seconds' worth of tokens. */
const RATE_BATCH = 0.25;

/** The result of a sweep, which releases leases and slots that isolates did not return in time. */
export interface Swept {
  /** Calls that were never reported but count as used. */
  readonly writtenOff: number;
  /** Ids of the isolates whose records the sweep changed. */
  readonly holders: readonly string[];
}

/** The outcome of a request. */
export interface Answered extends Swept {
  readonly response: LeaseResponse;
  /** Batches that this request counted. The caller adds exactly these batches to the tenant's usage. */
  readonly counted: readonly Batch[];
}

/**
 * Answers a request: records the isolate's report, then leases what every limit has room for. A request that repeats an
 * earlier request, or arrives after a later request, counts nothing and grants nothing new.
 */
export function answerRequest(
  state: LedgerState,
  limits: LimitsDocument,
  request: LeaseRequest,
  nowMs: number,
): Answered {
  const swept = advanceLedger(state, limits, nowMs);
  const now = state.atMs;
  const holder = findHolder(state, request.holder);
  holder.seenAtMs = now;
  if (request.seq <= holder.seq) {
    return { response: answerAgain(state, limits, holder, request), counted: [], ...swept };
  }
  holder.seq = request.seq;

  for (const report of request.reports) {
    const lease = holder.leases.find(({ id }) => id === report.id);
    if (!lease) continue;
    // Clamp the count, so that an isolate that misreports cannot gain calls.
    const usedCalls = Math.min(Math.max(report.calls, lease.usedCalls), lease.calls);
    if (lease.inBucket) state.outstanding -= usedCalls - lease.usedCalls;
    lease.usedCalls = usedCalls;
    const usedBytes = Math.min(Math.max(report.bytes, lease.usedBytes), lease.bytes ?? Number.POSITIVE_INFINITY);
    // Unlimited bytes count when they are used. Limited bytes were already counted when they were leased.
    if (lease.bytes === undefined) addToWindows(state, lease.grantedAtMs, 0, usedBytes - lease.usedBytes);
    lease.usedBytes = usedBytes;
    if (report.final) closeLease(state, holder, lease);
  }
  const counted = request.batches.filter(({ id }) => id > holder.batch);
  for (const batch of counted) {
    holder.batch = batch.id;
    for (const { atMs, calls, bytes } of batch.corrections) addToWindows(state, atMs, calls, bytes);
  }
  refill(state, limits, 0);
  state.slots += request.keepSlots - holder.slots;
  holder.slots = request.keepSlots;
  holder.inFlight = request.inFlight;
  if (holder.slots > 0) holder.slotsUntilMs = now + LEASE_MS + maxDurationMs(limits);
  // The ledger counts `freeInMs` from its receipt of the request, so it frees a slot no earlier than the isolate gives up
  // the slot. Therefore no slot is filled twice.
  holder.lost = (request.lost ?? []).map(({ slots, freeInMs }) => ({ slots, freesAtMs: now + freeInMs }));
  holder.slotFreeAtMs = now + (request.slotFreeInMs ?? 0);
  state.demand += request.arrived;

  return { response: grant(state, limits, holder, request), counted, ...swept };
}

/** Advances the ledger to a time: rolls over windows, fills the bucket, and releases expired leases and slots. */
export function advanceLedger(state: LedgerState, limits: LimitsDocument, nowMs: number): Swept {
  const now = Math.max(nowMs, state.atMs);
  const elapsedMs = now - state.atMs;
  state.atMs = now;
  for (const period of PERIODS) {
    const startMs = windowStart(period, now);
    if (startMs !== state.windows[period].startMs) state.windows[period] = { startMs, calls: 0, bytes: 0 };
  }
  state.demand *= Math.exp(-elapsedMs / LEASE_MS);
  const sweeps = now >= state.sweepAtMs;
  let filledToMs = now - elapsedMs;
  // Refill lease by lease. Each lease takes up room in the bucket until it lapses, and the bucket may fill that room only
  // afterwards.
  for (const lease of sweeps ? lapsedLeases(state) : []) {
    const lapsedAtMs = Math.max(filledToMs, lease.endsAtMs + TOKENS_RETURN_MS);
    refill(state, limits, lapsedAtMs - filledToMs);
    takeFromBucket(state, lease);
    filledToMs = lapsedAtMs;
  }
  refill(state, limits, now - filledToMs);
  return sweeps ? sweep(state, now) : NOTHING_SWEPT;
}

/** Returns the leases whose unused tokens can no longer be returned, sorted by the time at which the leases ended. */
function lapsedLeases({ holders, atMs }: LedgerState): OpenLease[] {
  const lapsed: OpenLease[] = [];
  for (const { leases } of holders.values()) {
    for (const lease of leases) if (lease.inBucket && atMs >= lease.endsAtMs + TOKENS_RETURN_MS) lapsed.push(lease);
  }
  return lapsed.sort((a, b) => a.endsAtMs - b.endsAtMs);
}

function refill(state: LedgerState, { rate }: LimitsDocument, elapsedMs: number): void {
  if (!rate) {
    state.level = null;
    return;
  }
  const room = capacityOf(rate) - state.outstanding;
  state.level = Math.min(room, (state.level ?? room) + (rate.perSecond * elapsedMs) / 1_000);
}

const NOTHING_SWEPT: Swept = { writtenOff: 0, holders: [] };

function sweep(state: LedgerState, now: number): Swept {
  state.sweepAtMs = now + SWEEP_MS;
  let writtenOff = 0;
  const holders: string[] = [];
  for (const [name, holder] of state.holders) {
    let changed = false;
    for (const lease of holder.leases) {
      if (now < lease.endsAtMs + WRITTEN_OFF_MS) continue;
      writtenOff += lease.calls - lease.usedCalls;
      holder.leases = holder.leases.filter((other) => other !== lease);
      changed = true;
    }
    for (const lost of holder.lost ?? []) {
      if (now < lost.freesAtMs) continue;
      const freed = Math.min(lost.slots, holder.slots);
      state.slots -= freed;
      holder.slots -= freed;
      holder.lost = holder.lost?.filter((other) => other !== lost) ?? [];
      changed = true;
    }
    if (holder.slots > 0 && now >= holder.slotsUntilMs) {
      state.slots -= holder.slots;
      holder.slots = 0;
      changed = true;
    }
    if (holder.leases.length === 0 && holder.slots === 0 && now >= holder.seenAtMs + FORGOTTEN_MS) {
      writtenOff += holder.inFlight;
      state.holders.delete(name);
      changed = true;
    }
    if (changed) holders.push(name);
  }
  return { writtenOff, holders };
}

function takeFromBucket(state: LedgerState, lease: OpenLease): void {
  state.outstanding -= lease.calls - lease.usedCalls;
  lease.inBucket = false;
}

/** Closes a lease. Returns the unused calls and bytes to the windows that paid for them, unless these windows have ended. */
function closeLease(state: LedgerState, holder: HolderState, lease: OpenLease): void {
  const unused = lease.calls - lease.usedCalls;
  addToWindows(state, lease.grantedAtMs, -unused, lease.bytes === undefined ? 0 : lease.usedBytes - lease.bytes);
  if (lease.inBucket) {
    takeFromBucket(state, lease);
    if (state.level !== null) state.level += unused;
  }
  holder.leases = holder.leases.filter((other) => other !== lease);
}

function addToWindows(state: LedgerState, atMs: number, calls: number, bytes: number): void {
  for (const period of PERIODS) {
    const window = state.windows[period];
    if (windowStart(period, atMs) !== window.startMs) continue;
    window.calls = Math.max(0, window.calls + calls);
    window.bytes = Math.max(0, window.bytes + bytes);
  }
}

function findHolder(state: LedgerState, name: string): HolderState {
  let holder = state.holders.get(name);
  if (!holder) {
    holder = { seq: 0, batch: 0, leases: [], slots: 0, slotsUntilMs: 0, inFlight: 0, seenAtMs: state.atMs };
    state.holders.set(name, holder);
  }
  return holder;
}

/** Answers a repeated request: repeats the grants that are still open, and grants nothing new. */
function answerAgain(
  state: LedgerState,
  limits: LimitsDocument,
  holder: HolderState,
  request: LeaseRequest,
): LeaseResponse {
  const given = holder.leases.find(({ id }) => id === request.seq);
  return {
    seq: request.seq,
    ...(given && {
      lease: {
        calls: given.calls,
        atOnce: given.calls,
        spreadMs: 0,
        ...withBytes(given.bytes),
        lastsMs: given.endsAtMs - given.grantedAtMs,
        grantedAtMs: given.grantedAtMs,
      },
    }),
    slots: request.seq === holder.seq ? Math.max(0, holder.slots - request.keepSlots) : 0,
    standings: limitStatuses(state, limits),
  };
}

function grant(state: LedgerState, limits: LimitsDocument, holder: HolderState, request: LeaseRequest): LeaseResponse {
  const now = state.atMs;
  const { seq } = request;
  const denial = findDenial(state, limits, request);
  if (denial) return { seq, slots: 0, no: denial, standings: limitStatuses(state, limits) };

  const slots = slotsFor(state, limits, request);
  holder.slots += slots;
  state.slots += slots;
  if (holder.slots > 0) holder.slotsUntilMs = now + LEASE_MS + maxDurationMs(limits);

  const { calls, bytes, share, isShort } = roomFor(state, limits, holder, request);
  if (calls < 1) return { seq, slots, standings: limitStatuses(state, limits) };
  // No lease lasts past midnight UTC, when windows end, because each call must count in the window that paid for it.
  const lastsMs = Math.min(LEASE_MS, windowEnd('day', now) - now);
  const granted = { calls, ...withBytes(bytes), grantedAtMs: now };
  holder.leases.push({
    ...granted,
    id: seq,
    usedCalls: 0,
    usedBytes: 0,
    endsAtMs: now + lastsMs,
    inBucket: state.level !== null,
  });
  addToWindows(state, now, calls, bytes ?? 0);
  if (state.level !== null) {
    state.level -= calls;
    state.outstanding += calls;
  }
  const pace = paceOf(state, limits, calls, share);
  // An isolate that got less than it asked for is denied further calls for a while, so that it does not send a request for
  // each new token.
  const noMore = isShort && limits.rate ? { no: denyForRate(state, limits.rate, request.wanted.calls) } : {};
  return { seq, lease: { ...granted, ...pace, lastsMs }, slots, ...noMore, standings: limitStatuses(state, limits) };
}

/**
 * Sets the pace of a lease. If demand exceeds the rate, the isolate may use its share of `burst` at once, and further calls
 * at its share of the rate.
 */
function paceOf({ demand }: LedgerState, { rate }: LimitsDocument, calls: number, share: number) {
  if (!rate || demand <= rate.perSecond) return { atOnce: calls, spreadMs: 0 };
  const atOnce = Math.min(calls, Math.max(1, Math.floor(rate.burst * share)));
  return { atOnce, spreadMs: Math.min(LEASE_MS, Math.ceil(((calls - atOnce) * 1_000) / (rate.perSecond * share))) };
}

/** The largest lease that all limits together allow. */
interface Room {
  readonly calls: number;
  readonly bytes?: number;
  /** The isolate's share of the total demand, from 0 to 1. */
  readonly share: number;
  /** True if the rate limits the lease more than the quotas do. */
  readonly isShort: boolean;
}

function roomFor(
  state: LedgerState,
  limits: LimitsDocument,
  holder: HolderState,
  { wanted, waiting }: LeaseRequest,
): Room {
  let { calls } = wanted;
  let bytes: number | undefined;
  for (const quota of quotasOf(limits)) {
    const left = leftOf(state, quota);
    const share = Math.floor(left / LEASE_SHARE);
    if (quota.unit === 'calls') {
      const most = Math.max(1, share, Math.min(waiting.calls, WAITING_SHARE));
      calls = Math.min(calls, left, most - heldOf(holder, 'calls'));
    } else {
      const room = Math.max(Math.min(waiting.bytes, left), share - heldOf(holder, 'bytes'));
      bytes = Math.min(bytes ?? Math.max(wanted.bytes, waiting.bytes), room);
    }
  }
  if (bytes !== undefined && bytes < waiting.bytes) calls = 0;
  const share = wanted.calls / Math.max(wanted.calls, state.demand, 1);
  let isShort = false;
  if (state.level !== null) {
    const level = Math.floor(state.level);
    // If isolates together want more than the bucket has, they share it and what is already leased. Waiting calls first.
    const part = Math.max(waiting.calls, Math.floor((level + state.outstanding) * share));
    isShort = calls > Math.min(level, part);
    calls = Math.min(calls, level, state.demand > level ? part : level);
  }
  return { calls: Math.max(0, calls), ...withBytes(bytes), share, isShort };
}

const withBytes = (bytes: number | undefined) => (bytes === undefined ? {} : { bytes });

/** Returns the unused calls or bytes in an isolate's open leases, which would stay unsettled if the isolate died now. */
function heldOf({ leases }: HolderState, unit: 'calls' | 'bytes'): number {
  let held = 0;
  for (const lease of leases) {
    held += unit === 'calls' ? lease.calls - lease.usedCalls : (lease.bytes ?? 0) - lease.usedBytes;
  }
  return held;
}

function slotsFor(state: LedgerState, { concurrency }: LimitsDocument, { wanted, waiting }: LeaseRequest): number {
  if (concurrency === undefined) return 0;
  const free = Math.max(0, concurrency - state.slots);
  // A request gets at most one slot for each waiting call. If slots are pooled, the request may get up to a quarter of the
  // free slots even if fewer calls wait. The cap keeps slots free for other isolates.
  const most = concurrency < POOLED_CONCURRENCY ? waiting.calls : Math.max(waiting.calls, Math.floor(free / 4));
  return Math.min(wanted.slots, most, free);
}

/** Finds a limit that has no room for even one waiting call. Checks the quotas first, longest period first. */
function findDenial(state: LedgerState, limits: LimitsDocument, { wanted, waiting }: LeaseRequest): Denial | undefined {
  const now = state.atMs;
  if (waiting.calls === 0) return undefined;
  for (const quota of quotasOf(limits).reverse()) {
    const left = leftOf(state, quota);
    if (left >= (quota.unit === 'calls' ? 1 : Math.max(1, waiting.bytes))) continue;
    const resetMs = windowEnd(quota.period, now) - now;
    const fromBytes = quota.unit === 'bytes' && left > 0 ? left + 1 : 0;
    return { limit: quota.limit, holdsMs: Math.min(LEASE_MS, resetMs), resetMs, fromBytes };
  }
  if (limits.rate && state.level !== null && state.level < 1) return denyForRate(state, limits.rate, wanted.calls);
  if (limits.concurrency !== undefined && wanted.slots > 0 && state.slots >= limits.concurrency) {
    return { limit: 'concurrency', holdsMs: NO_SLOT_MS, resetMs: msUntilSlot(state), fromBytes: 0 };
  }
  return undefined;
}

/** Milliseconds until a slot is likely to become free: exact for a lost call, otherwise estimated from recent calls. */
function msUntilSlot({ holders, atMs }: LedgerState): number {
  let freeAtMs = Number.POSITIVE_INFINITY;
  for (const { slots, slotsUntilMs, slotFreeAtMs = atMs } of holders.values()) {
    if (slots > 0) freeAtMs = Math.min(freeAtMs, slotsUntilMs, slotFreeAtMs);
  }
  return Math.max(NO_SLOT_MS, Math.min(freeAtMs, atMs + MAX_NO_SLOT_MS) - atMs);
}

/** Denies calls until the bucket holds a batch of tokens, so that a tenant at its rate does not ask again for each token. */
function denyForRate(
  { level, demand }: LedgerState,
  { perSecond }: NonNullable<LimitsDocument['rate']>,
  wantedCalls: number,
): Denial {
  const msUntil = (tokens: number) => Math.max(0, Math.ceil(((tokens - (level ?? 0)) * 1_000) / perSecond));
  const batch = Math.max(1, Math.min(wantedCalls, perSecond * RATE_BATCH));
  // If demand exceeds the rate, an isolate also waits for its turn. Isolates get turns in proportion to their demand.
  const turnMs = Math.ceil((demand * 1_000) / (perSecond * Math.max(1, wantedCalls)));
  const holdsMs = Math.min(LEASE_MS, Math.max(MIN_DENIAL_MS, msUntil(batch), demand > perSecond ? turnMs : 0));
  return { limit: 'rate', holdsMs, resetMs: msUntil(1), fromBytes: 0 };
}

/**
 * Counts the calls that isolates should have reported by now: unused calls in expired leases, and admitted calls whose end
 * was not reported. All these calls count as used.
 */
export function unsettledCalls(state: LedgerState, nowMs: number): number {
  let unsettled = 0;
  for (const { leases, inFlight, seenAtMs } of state.holders.values()) {
    for (const lease of leases) {
      if (nowMs >= lease.endsAtMs + TOKENS_RETURN_MS) unsettled += lease.calls - lease.usedCalls;
    }
    if (nowMs >= seenAtMs + LEASE_MS + TOKENS_RETURN_MS) unsettled += inFlight;
  }
  return unsettled;
}
