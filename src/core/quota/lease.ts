import { addUsageOf, type Usage, type UsageByFunction } from '../usage/usage.ts';
import type { Batch, Correction, Denial, LeaseRequest, LeaseResponse, LimitStatus, Waiting } from './lease-protocol.ts';
import {
  isCounted,
  LEASE_MS,
  type LimitName,
  type LimitsDocument,
  LOST_HOLD_MS,
  maxDurationMs,
  POOLED_CONCURRENCY,
} from './limits.ts';

/** A lease as the isolate holds it. */
export interface HeldLease {
  readonly id: number;
  readonly calls: number;
  readonly atOnce: number;
  readonly spreadMs: number;
  readonly bytes?: number;
  readonly askedAtMs: number;
  readonly endsAtMs: number;
  readonly grantedAtMs: number;
  usedCalls: number;
  usedBytes: number;
  /** Nothing more is taken from it; it is reported until that is acknowledged. */
  closed: boolean;
}

/** A call's place under the limits, from its admission to its end. */
export interface Ticket {
  /** When it was counted, by the ledger's clock. */
  readonly countedAtMs: number;
  readonly bytes: number;
  /** The slot that it runs in. */
  readonly slot: number;
}

/** What one isolate knows of one tenant's limits. Plain data; only the functions of this file change it. */
export interface LeaseHolder {
  readonly id: string;
  seq: number;
  /** Oldest first. */
  leases: HeldLease[];
  /** The request that is out: never more than one. */
  sent?: {
    readonly seq: number;
    readonly atMs: number;
    /** Leases that it reports as done with, and the last batch that it carries. */
    readonly finals: readonly number[];
    readonly lastBatch: number;
    readonly slots: number;
  };
  /** What was said in answer to the last question, until it is over. */
  denial?: Denial & { readonly untilMs: number; readonly resetAtMs: number };
  statuses: readonly LimitStatus[];
  statusesAtMs: number;
  /** Slots that it may fill; functions may be started in them until `slotsEndMs`. */
  slots: number;
  slotsEndMs: number;
  /** How many slots the ledger counts for this isolate, at the most. */
  slotsAtLedger: number;
  /** Slots are limited, so that the ledger is to hear of each that comes free. */
  isSlotted: boolean;
  /** Functions that run, by slot: when each was started. */
  running: Map<number, number>;
  /** Of these, calls that got no answer: when each gives its slot back. */
  lost: Map<number, number>;
  /** How long calls took of late: the longest, as of a moment, and what is usual. */
  longestMs: number;
  longestAtMs: number;
  usualMs: number;
  lastSlot: number;
  /** Calls that were admitted, and whose use has not been recorded. */
  inFlight: number;
  /** The most that ran at once since the last request. */
  peakRunning: number;
  /** Calls that came since the last request, and when that was. */
  arrived: number;
  arrivedBytes: number;
  countedSinceMs: number;
  /** Calls and bytes that came in a second, of late. */
  recentCalls: number;
  recentBytes: number;
  usage: UsageByFunction;
  corrections: Correction[];
  batches: Batch[];
  /** Since when the use that has not been sent is waiting. */
  unsentSinceMs?: number;
}

/** A lease is renewed when it is older than this part of it... */
const ASK_AT_AGE = 0.8;
/** ...or less than this part of its calls is left... */
const ASK_AT_LEFT = 0.25;
/** ...if it is no smaller than this: a few calls are not worth a question ahead. */
const MIN_RENEWED_CALLS = 4;
/** More than was needed in the last second. */
const HEADROOM = 1.25;
const MAX_WANTED_CALLS = 100_000;
/** The longest of the recent calls counts for less with each moment: after this long for a third. */
const LONGEST_FADES_MS = 600_000;
/** One call's part in what is usual. */
const USUAL_PART = 1 / 8;
/** Use is sent at the latest so long after it came up. */
const SEND_USE_MS = 1_000;

export function createLeaseHolder(holder: string, nowMs: number): LeaseHolder {
  return {
    id: holder,
    seq: 0,
    leases: [],
    statuses: [],
    statusesAtMs: nowMs,
    slots: 0,
    slotsEndMs: 0,
    slotsAtLedger: 0,
    isSlotted: false,
    running: new Map(),
    lost: new Map(),
    longestMs: 0,
    longestAtMs: nowMs,
    usualMs: 0,
    lastSlot: 0,
    inFlight: 0,
    peakRunning: 0,
    arrived: 0,
    arrivedBytes: 0,
    countedSinceMs: nowMs,
    recentCalls: 0,
    recentBytes: 0,
    usage: new Map(),
    corrections: [],
    batches: [],
  };
}

/** What becomes of a call that wants to be forwarded: it may be, it may not, or the ledger has to be asked first. */
export type Admission =
  | { readonly kind: 'admitted'; readonly ticket: Ticket }
  | { readonly kind: 'refused'; readonly limit: LimitName; readonly retryAfterMs: number }
  | { readonly kind: 'ask' };

/** What becomes of a call that is charged to the rate alone. */
export type ChargeOutcome = Exclude<Admission, { kind: 'admitted' }> | { readonly kind: 'charged' };

/** Counts a call as one that came: once for each, however often it has to be tried. */
export function countArrival(holder: LeaseHolder, bytes: number): void {
  holder.arrived += 1;
  holder.arrivedBytes += bytes;
}

/** Admits a call if a lease at hand has room for it. */
export function admit(holder: LeaseHolder, limits: LimitsDocument, bytes: number, nowMs: number): Admission {
  const slotFree = limits.concurrency === undefined || hasFreeSlot(holder, limits, nowMs);
  let accruesAtMs: number | undefined;
  for (const lease of holder.leases) {
    if (!isUsable(lease, bytes, nowMs)) continue;
    if (lease.usedCalls + 1 > usableCalls(lease, nowMs)) {
      accruesAtMs ??= nowMs + 1 + msPerCall(lease);
      continue;
    }
    if (!slotFree) break;
    lease.usedCalls += 1;
    lease.usedBytes += bytes;
    return { kind: 'admitted', ticket: takeTicket(holder, limits, lease.grantedAtMs, bytes, nowMs) };
  }
  const { denial } = holder;
  if (denial && nowMs < denial.untilMs && bytes >= denial.fromBytes) {
    return { kind: 'refused', limit: denial.limit, retryAfterMs: denial.resetAtMs - nowMs };
  }
  if (accruesAtMs !== undefined && slotFree) {
    return { kind: 'refused', limit: 'rate', retryAfterMs: accruesAtMs - nowMs };
  }
  return { kind: 'ask' };
}

/**
 * Charges one unit of the rate for a call that goes no further: its unit of the quotas is given back at once, and it takes
 * no slot.
 */
export function chargeRate(holder: LeaseHolder, nowMs: number): ChargeOutcome {
  let accruesAtMs: number | undefined;
  for (const lease of holder.leases) {
    if (!isUsable(lease, 0, nowMs)) continue;
    if (lease.usedCalls + 1 > usableCalls(lease, nowMs)) {
      accruesAtMs ??= nowMs + 1 + msPerCall(lease);
      continue;
    }
    lease.usedCalls += 1;
    correct(holder, { atMs: lease.grantedAtMs, calls: -1, bytes: 0 }, nowMs);
    return { kind: 'charged' };
  }
  const { denial } = holder;
  // It runs nothing and sends nothing, so neither slots nor bytes keep it waiting.
  if (denial && nowMs < denial.untilMs && denial.limit !== 'concurrency' && denial.fromBytes === 0) {
    return { kind: 'refused', limit: denial.limit, retryAfterMs: denial.resetAtMs - nowMs };
  }
  return accruesAtMs === undefined
    ? { kind: 'ask' }
    : { kind: 'refused', limit: 'rate', retryAfterMs: accruesAtMs - nowMs };
}

/** Refuses a call that the last denial covers, without counting it. */
export function peekDenial(holder: LeaseHolder, bytes: number, nowMs: number): Admission | undefined {
  const { denial } = holder;
  if (!denial || nowMs >= denial.untilMs || bytes < denial.fromBytes || hasLease(holder, bytes, nowMs))
    return undefined;
  return { kind: 'refused', limit: denial.limit, retryAfterMs: denial.resetAtMs - nowMs };
}

/** Whether what is at hand may do for such a call. */
export const hasLease = (holder: LeaseHolder, bytes: number, nowMs: number): boolean =>
  holder.leases.some((lease) => isUsable(lease, bytes, nowMs));

/** Admits a call out of no lease: to be counted when the ledger is reached. */
export function admitUncounted(holder: LeaseHolder, limits: LimitsDocument, bytes: number, nowMs: number): Ticket {
  const countedAtMs = nowMs;
  correct(holder, { atMs: countedAtMs, calls: 1, bytes }, nowMs);
  return takeTicket(holder, limits, countedAtMs, bytes, nowMs);
}

const isUsable = ({ closed, endsAtMs, calls, usedCalls, bytes, usedBytes }: HeldLease, size: number, nowMs: number) =>
  !closed && nowMs < endsAtMs && usedCalls < calls && (bytes === undefined || usedBytes + size <= bytes);

/** How many calls of a lease may have been made by now: those at once, and the others as time goes by. */
export function usableCalls({ calls, atOnce, spreadMs, askedAtMs }: HeldLease, nowMs: number): number {
  const passedMs = Math.max(0, nowMs - askedAtMs);
  return passedMs >= spreadMs ? calls : atOnce + ((calls - atOnce) * passedMs) / spreadMs;
}
const msPerCall = ({ calls, atOnce, spreadMs }: HeldLease) => Math.ceil(spreadMs / Math.max(1, calls - atOnce));

const isPooled = ({ concurrency }: LimitsDocument) => concurrency !== undefined && concurrency >= POOLED_CONCURRENCY;

const hasFreeSlot = (holder: LeaseHolder, limits: LimitsDocument, nowMs: number): boolean => {
  dropUnseen(holder, limits, nowMs);
  return holder.running.size < holder.slots && nowMs < holder.slotsEndMs;
};

/** Frees the slots of functions whose end was never seen, once they cannot still run, and of lost calls when they are due. */
function dropUnseen(holder: LeaseHolder, limits: LimitsDocument, nowMs: number): void {
  for (const [slot, freesAtMs] of holder.lost) if (nowMs >= freesAtMs) dropLost(holder, slot);
  const longestMs = maxDurationMs(limits);
  for (const [slot, startedAtMs] of holder.running) {
    if (nowMs < startedAtMs + longestMs) return; // they stand in the order of their start
    if (holder.lost.has(slot)) dropLost(holder, slot);
    else holder.running.delete(slot);
  }
}

/** The ledger frees a lost call's slot by itself. Then this isolate may not fill it. */
function dropLost(holder: LeaseHolder, slot: number): void {
  holder.lost.delete(slot);
  if (holder.running.delete(slot)) holder.slots = Math.max(holder.running.size, holder.slots - 1);
}

function takeTicket(
  holder: LeaseHolder,
  { concurrency }: LimitsDocument,
  countedAtMs: number,
  bytes: number,
  nowMs: number,
): Ticket {
  holder.inFlight += 1;
  holder.isSlotted = concurrency !== undefined;
  // Also without a limit: one that is set meanwhile finds the functions that run.
  holder.lastSlot += 1;
  holder.running.set(holder.lastSlot, nowMs);
  holder.peakRunning = Math.max(holder.peakRunning, holder.running.size);
  return { countedAtMs, bytes, slot: holder.lastSlot };
}

/** Frees a call's slot: its function has ended. */
export function endCall(holder: LeaseHolder, limits: LimitsDocument, { slot }: Ticket, nowMs: number): void {
  const startedAtMs = holder.running.get(slot);
  if (startedAtMs === undefined) return;
  noteDuration(holder, Math.max(0, nowMs - startedAtMs), nowMs);
  freeSlot(holder, limits, slot);
}

function freeSlot(holder: LeaseHolder, limits: LimitsDocument, slot: number): void {
  holder.lost.delete(slot);
  // Below a pool's size a slot goes back at once, for another isolate to take.
  if (holder.running.delete(slot) && !isPooled(limits)) holder.slots = Math.max(holder.running.size, holder.slots - 1);
}

/** Notes that a call got no answer, not even its head: its function may run on, but its end will not be seen. */
export function loseCall(holder: LeaseHolder, { slot }: Ticket, nowMs: number): void {
  const startedAtMs = holder.running.get(slot);
  if (startedAtMs === undefined) return;
  holder.lost.set(slot, Math.max(nowMs + LOST_HOLD_MS, startedAtMs + longestOfLate(holder, nowMs)));
}

const longestOfLate = ({ longestMs, longestAtMs }: LeaseHolder, nowMs: number): number =>
  longestMs * Math.exp(-Math.max(0, nowMs - longestAtMs) / LONGEST_FADES_MS);

function noteDuration(holder: LeaseHolder, durationMs: number, nowMs: number): void {
  if (durationMs >= longestOfLate(holder, nowMs)) {
    holder.longestMs = durationMs;
    holder.longestAtMs = nowMs;
  }
  holder.usualMs += (durationMs - holder.usualMs) * USUAL_PART;
}

/** Gives up slots that nothing runs in: whoever they were meant for was refused. */
export function releaseIdleSlots(holder: LeaseHolder, limits: LimitsDocument): void {
  if (!isPooled(limits)) holder.slots = Math.min(holder.slots, holder.running.size);
}

/** Takes an admission back: the call is not forwarded after all. */
export function cancelCall(holder: LeaseHolder, limits: LimitsDocument, ticket: Ticket, nowMs: number): void {
  holder.inFlight -= 1;
  giveBack(holder, ticket, nowMs);
  freeSlot(holder, limits, ticket.slot);
}

/** Takes back a call that was sent but certainly started no function: it holds and costs nothing. */
export function takeBackCall(holder: LeaseHolder, limits: LimitsDocument, ticket: Ticket, nowMs: number): void {
  giveBack(holder, ticket, nowMs);
  freeSlot(holder, limits, ticket.slot);
}

/** Gives back what a call has cost: Lambda has turned it away, so that no function ran. */
export function giveBack(holder: LeaseHolder, { countedAtMs, bytes }: Ticket, nowMs: number): void {
  correct(holder, { atMs: countedAtMs, calls: -1, bytes: -bytes }, nowMs);
}

function correct(holder: LeaseHolder, correction: Correction, nowMs: number): void {
  const last = holder.corrections.at(-1);
  // Corrections of one moment at the ledger add up.
  if (last && last.atMs === correction.atMs) {
    holder.corrections[holder.corrections.length - 1] = {
      atMs: last.atMs,
      calls: last.calls + correction.calls,
      bytes: last.bytes + correction.bytes,
    };
  } else holder.corrections.push(correction);
  holder.unsentSinceMs ??= nowMs;
}

/** Adds to what the isolate has to account for. */
export function recordUsage(holder: LeaseHolder, functionName: string, use: Partial<Usage>, nowMs: number): void {
  addUsageOf(holder.usage, functionName, use);
  // What is given back (negative) was counted before.
  holder.inFlight = Math.max(0, holder.inFlight - Math.max(0, use.forwarded ?? 0));
  holder.unsentSinceMs ??= nowMs;
}

/** Whether to ask ahead, behind the call that was just admitted, so that the next ones need not wait. */
export function wantsRenewal(holder: LeaseHolder, limits: LimitsDocument, nowMs: number): boolean {
  let left = 0;
  let size = 0;
  let freshUntilMs = 0;
  for (const lease of holder.leases) {
    if (lease.closed || nowMs >= lease.endsAtMs) continue;
    left += lease.calls - lease.usedCalls;
    size += lease.calls;
    freshUntilMs = Math.max(freshUntilMs, lease.askedAtMs + (lease.endsAtMs - lease.askedAtMs) * ASK_AT_AGE);
  }
  if (!isCounted(limits)) return left === 0 || nowMs >= freshUntilMs;
  return size >= MIN_RENEWED_CALLS && (left < size * ASK_AT_LEFT || nowMs >= freshUntilMs);
}

/** What a request is for: calls that wait for it; calls to come; or only to account for what was. */
export type Purpose =
  | {
      readonly waiting: Waiting;
      readonly bytesOfAll?: number;
      /** They are not ready to run yet: slots are for those that are. */
      readonly withoutSlots?: boolean;
    }
  | 'ahead'
  | 'settle';

/**
 * Writes the next request. With calls that wait for it, whatever is held is given back first: it was of no use to them, and
 * the new lease takes its place.
 */
export function buildRequest(
  holder: LeaseHolder,
  limits: LimitsDocument,
  purpose: Purpose,
  nowMs: number,
): LeaseRequest {
  const need = typeof purpose === 'string' ? { waiting: { calls: 0, bytes: 0 } } : purpose;
  const { waiting, bytesOfAll = 0, withoutSlots = false } = need;
  const ahead = purpose !== 'settle';
  const seq = holder.seq + 1;
  holder.seq = seq;
  for (const lease of holder.leases) {
    if (waiting.calls > 0 || nowMs >= lease.endsAtMs || lease.usedCalls >= lease.calls) lease.closed = true;
  }
  if (holder.usage.size > 0 || holder.corrections.length > 0) {
    holder.batches.push({ id: seq, use: holder.usage, corrections: holder.corrections });
    holder.usage = new Map();
    holder.corrections = [];
  }
  delete holder.unsentSinceMs;
  dropUnseen(holder, limits, nowMs);
  const { arrived } = holder;
  if (ahead) countRecent(holder, nowMs);
  const expected = Math.min(MAX_WANTED_CALLS, Math.max(1, Math.floor(holder.recentCalls * HEADROOM)));
  const calls = ahead ? Math.max(waiting.calls, expected) : 0;
  const running = holder.running.size;
  const pooled = isPooled(limits);
  const idle = ahead && pooled ? Math.max(0, Math.ceil(holder.peakRunning * HEADROOM) - running) : 0;
  // What it keeps of idle slots it may go on filling while it waits for the answer.
  const keepSlots = Math.max(running, Math.min(holder.slots, running + idle));
  const slots = (withoutSlots ? 0 : waiting.calls) + Math.max(0, running + idle - keepSlots);
  holder.slots = keepSlots;
  holder.isSlotted ||= limits.concurrency !== undefined;
  holder.slotsAtLedger = keepSlots + slots;
  const request: LeaseRequest = {
    holder: holder.id,
    seq,
    reports: holder.leases.map(({ id, usedCalls, usedBytes, closed }) => ({
      id,
      calls: usedCalls,
      bytes: usedBytes,
      final: closed,
    })),
    batches: holder.batches,
    keepSlots,
    ...writeSlotTimes(holder, limits, nowMs),
    inFlight: holder.inFlight,
    arrived: ahead ? arrived : 0,
    wanted: { calls, bytes: ahead ? Math.max(bytesOfAll, Math.ceil(holder.recentBytes * HEADROOM)) : 0, slots },
    waiting,
  };
  const finals = holder.leases.filter(({ closed }) => closed).map(({ id }) => id);
  holder.sent = { seq, atMs: nowMs, finals, lastBatch: holder.batches.at(-1)?.id ?? 0, slots: keepSlots };
  if (ahead) holder.peakRunning = running;
  return request;
}

/** Says when slots come free: of lost calls at a known time, of others as recent calls suggest. */
function writeSlotTimes(
  holder: LeaseHolder,
  limits: LimitsDocument,
  nowMs: number,
): Pick<LeaseRequest, 'lost' | 'slotFreeInMs'> {
  if (limits.concurrency === undefined) return {};
  const longestMs = maxDurationMs(limits);
  const slotsBySecond = new Map<number, number>();
  let slotFreeInMs = Number.POSITIVE_INFINITY;
  for (const [slot, freesAtMs] of holder.lost) {
    const startedAtMs = holder.running.get(slot) ?? nowMs;
    const freeInMs = Math.max(0, Math.min(freesAtMs, startedAtMs + longestMs) - nowMs);
    slotFreeInMs = Math.min(slotFreeInMs, freeInMs);
    const seconds = Math.ceil(freeInMs / 1_000);
    slotsBySecond.set(seconds, (slotsBySecond.get(seconds) ?? 0) + 1);
  }
  for (const [slot, startedAtMs] of holder.running) {
    if (holder.lost.has(slot)) continue;
    // The first was started first.
    slotFreeInMs = Math.min(slotFreeInMs, Math.max(0, startedAtMs + holder.usualMs - nowMs));
    break;
  }
  const lost = [...slotsBySecond].map(([seconds, slots]) => ({ slots, freeInMs: seconds * 1_000 }));
  // Where nothing runs yet: the call that this request is for.
  if (slotFreeInMs === Number.POSITIVE_INFINITY) slotFreeInMs = holder.usualMs;
  return { ...(lost.length > 0 && { lost }), slotFreeInMs };
}

/**
 * Adds the calls since the last request to those of late, of which a part is forgotten with each moment. So the first call
 * of an isolate wants one, and not what would come if all time were like the last few milliseconds.
 */
function countRecent(holder: LeaseHolder, nowMs: number): void {
  const seconds = Math.max(1, nowMs - holder.countedSinceMs) / LEASE_MS;
  const kept = Math.exp(-seconds);
  const added = (1 - kept) / seconds;
  holder.recentCalls = holder.recentCalls * kept + holder.arrived * added;
  holder.recentBytes = holder.recentBytes * kept + holder.arrivedBytes * added;
  holder.arrived = 0;
  holder.arrivedBytes = 0;
  holder.countedSinceMs = nowMs;
}

/** Applies the response to the request that is out; any other is too late, and gives nothing. */
export function applyResponse(holder: LeaseHolder, response: LeaseResponse, nowMs: number): boolean {
  const { sent } = holder;
  if (!sent || sent.seq !== response.seq) return false;
  delete holder.sent;
  holder.leases = holder.leases.filter(({ id }) => !sent.finals.includes(id));
  holder.batches = holder.batches.filter(({ id }) => id > sent.lastBatch);
  const { lease, no: denial } = response;
  if (lease) {
    const endsAtMs = sent.atMs + lease.lastsMs;
    const { calls, atOnce, spreadMs, bytes, grantedAtMs } = lease;
    holder.leases.push({
      ...newLease(response.seq, sent.atMs),
      calls,
      atOnce,
      spreadMs,
      ...(bytes !== undefined && { bytes }),
      endsAtMs,
      grantedAtMs,
    });
  }
  holder.slots += response.slots;
  holder.isSlotted ||= response.slots > 0;
  holder.slotsAtLedger = sent.slots + response.slots;
  holder.slotsEndMs = sent.atMs + LEASE_MS;
  if (denial) holder.denial = { ...denial, untilMs: sent.atMs + denial.holdsMs, resetAtMs: sent.atMs + denial.resetMs };
  else if (lease || response.slots > 0) delete holder.denial;
  holder.statuses = response.standings;
  holder.statusesAtMs = nowMs;
  return true;
}

/** Gives up the request that is out: whatever was granted for it is given back unused, with the next request. */
export function abandonRequest(holder: LeaseHolder): void {
  if (!holder.sent) return;
  holder.leases.push({ ...newLease(holder.sent.seq, holder.sent.atMs), closed: true });
  delete holder.sent;
}

/** A lease of nothing. */
const newLease = (id: number, askedAtMs: number): HeldLease => ({
  id,
  calls: 0,
  atOnce: 0,
  spreadMs: 0,
  askedAtMs,
  endsAtMs: askedAtMs,
  grantedAtMs: askedAtMs,
  usedCalls: 0,
  usedBytes: 0,
  closed: false,
});

/** When the isolate has to write to the ledger though nobody waits for it; undefined: it owes nothing. */
export function nextFlushAtMs(holder: LeaseHolder): number | undefined {
  if (holder.batches.length > 0) return 0;
  if (holder.isSlotted && holder.slotsAtLedger > Math.max(holder.slots, holder.running.size)) return 0;
  let dueAtMs = Number.POSITIVE_INFINITY;
  for (const { endsAtMs } of holder.leases) dueAtMs = Math.min(dueAtMs, endsAtMs);
  if (holder.unsentSinceMs !== undefined) dueAtMs = Math.min(dueAtMs, holder.unsentSinceMs + SEND_USE_MS);
  if (holder.isSlotted && holder.slotsAtLedger > holder.running.size) dueAtMs = Math.min(dueAtMs, holder.slotsEndMs);
  for (const freesAtMs of holder.lost.values()) dueAtMs = Math.min(dueAtMs, freesAtMs);
  return dueAtMs === Number.POSITIVE_INFINITY ? undefined : dueAtMs;
}

/** True if the holder can be dropped: no call is running and the ledger has been told everything. */
export const isFlushed = (holder: LeaseHolder): boolean =>
  holder.running.size === 0 && holder.inFlight === 0 && nextFlushAtMs(holder) === undefined;

/** What may still be used of the leases at hand. */
export function heldLeases({ leases }: LeaseHolder, nowMs: number): { calls: number; bytes: number } {
  const held = { calls: 0, bytes: 0 };
  for (const { closed, endsAtMs, calls, usedCalls, bytes = 0, usedBytes } of leases) {
    if (closed || nowMs >= endsAtMs) continue;
    held.calls += calls - usedCalls;
    held.bytes += Math.max(0, bytes - usedBytes);
  }
  return held;
}
