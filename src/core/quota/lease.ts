import { addUseOf, type Use, type UseByFunction } from '../usage/usage.ts';
import type { Batch, Correction, LedgerAnswer, LedgerAsk, LimitNo, LimitStanding, Waiting } from './lease-protocol.ts';
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
export interface LeaseBook {
  readonly holder: string;
  seq: number;
  /** Oldest first. */
  leases: HeldLease[];
  /** The ask that is out: never more than one. */
  asked?: {
    readonly seq: number;
    readonly atMs: number;
    /** Leases that it reports as done with, and the last batch that it carries. */
    readonly finals: readonly number[];
    readonly lastBatch: number;
    readonly slots: number;
  };
  /** What was said in answer to the last question, until it is over. */
  no?: LimitNo & { readonly untilMs: number; readonly resetAtMs: number };
  standings: readonly LimitStanding[];
  standingsAtMs: number;
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
  /** The most that ran at once since the last ask. */
  peakRunning: number;
  /** Calls that came since the last ask, and when that was. */
  arrived: number;
  arrivedBytes: number;
  countedSinceMs: number;
  /** Calls and bytes that came in a second, of late. */
  recentCalls: number;
  recentBytes: number;
  use: UseByFunction;
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

export function createLeaseBook(holder: string, nowMs: number): LeaseBook {
  return {
    holder,
    seq: 0,
    leases: [],
    standings: [],
    standingsAtMs: nowMs,
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
    use: new Map(),
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
export function countArrival(book: LeaseBook, bytes: number): void {
  book.arrived += 1;
  book.arrivedBytes += bytes;
}

/** Admits a call if a lease at hand has room for it. */
export function admit(book: LeaseBook, limits: LimitsDocument, bytes: number, nowMs: number): Admission {
  const slotFree = limits.concurrency === undefined || hasFreeSlot(book, limits, nowMs);
  let accruesAtMs: number | undefined;
  for (const lease of book.leases) {
    if (!isUsable(lease, bytes, nowMs)) continue;
    if (lease.usedCalls + 1 > usableCalls(lease, nowMs)) {
      accruesAtMs ??= nowMs + 1 + msPerCall(lease);
      continue;
    }
    if (!slotFree) break;
    lease.usedCalls += 1;
    lease.usedBytes += bytes;
    return { kind: 'admitted', ticket: takeTicket(book, limits, lease.grantedAtMs, bytes, nowMs) };
  }
  const { no } = book;
  if (no && nowMs < no.untilMs && bytes >= no.fromBytes) {
    return { kind: 'refused', limit: no.limit, retryAfterMs: no.resetAtMs - nowMs };
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
export function chargeRate(book: LeaseBook, nowMs: number): ChargeOutcome {
  let accruesAtMs: number | undefined;
  for (const lease of book.leases) {
    if (!isUsable(lease, 0, nowMs)) continue;
    if (lease.usedCalls + 1 > usableCalls(lease, nowMs)) {
      accruesAtMs ??= nowMs + 1 + msPerCall(lease);
      continue;
    }
    lease.usedCalls += 1;
    correct(book, { atMs: lease.grantedAtMs, calls: -1, bytes: 0 }, nowMs);
    return { kind: 'charged' };
  }
  const { no } = book;
  // It runs nothing and sends nothing, so neither slots nor bytes keep it waiting.
  if (no && nowMs < no.untilMs && no.limit !== 'concurrency' && no.fromBytes === 0) {
    return { kind: 'refused', limit: no.limit, retryAfterMs: no.resetAtMs - nowMs };
  }
  return accruesAtMs === undefined
    ? { kind: 'ask' }
    : { kind: 'refused', limit: 'rate', retryAfterMs: accruesAtMs - nowMs };
}

/** Says no to a call of which so much is known already, without counting it. */
export function foresee(book: LeaseBook, bytes: number, nowMs: number): Admission | undefined {
  const { no } = book;
  if (!no || nowMs >= no.untilMs || bytes < no.fromBytes || hasLease(book, bytes, nowMs)) return undefined;
  return { kind: 'refused', limit: no.limit, retryAfterMs: no.resetAtMs - nowMs };
}

/** Whether what is at hand may do for such a call. */
export const hasLease = (book: LeaseBook, bytes: number, nowMs: number): boolean =>
  book.leases.some((lease) => isUsable(lease, bytes, nowMs));

/** Admits a call out of no lease: to be counted when the ledger is reached. */
export function admitUncounted(book: LeaseBook, limits: LimitsDocument, bytes: number, nowMs: number): Ticket {
  const countedAtMs = nowMs;
  correct(book, { atMs: countedAtMs, calls: 1, bytes }, nowMs);
  return takeTicket(book, limits, countedAtMs, bytes, nowMs);
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

const hasFreeSlot = (book: LeaseBook, limits: LimitsDocument, nowMs: number): boolean => {
  dropUnseen(book, limits, nowMs);
  return book.running.size < book.slots && nowMs < book.slotsEndMs;
};

/** Frees the slots of functions whose end was never seen, once they cannot still run, and of lost calls when they are due. */
function dropUnseen(book: LeaseBook, limits: LimitsDocument, nowMs: number): void {
  for (const [slot, freesAtMs] of book.lost) if (nowMs >= freesAtMs) dropLost(book, slot);
  const longestMs = maxDurationMs(limits);
  for (const [slot, startedAtMs] of book.running) {
    if (nowMs < startedAtMs + longestMs) return; // they stand in the order of their start
    if (book.lost.has(slot)) dropLost(book, slot);
    else book.running.delete(slot);
  }
}

/** The ledger frees a lost call's slot by itself. Then this isolate may not fill it. */
function dropLost(book: LeaseBook, slot: number): void {
  book.lost.delete(slot);
  if (book.running.delete(slot)) book.slots = Math.max(book.running.size, book.slots - 1);
}

function takeTicket(
  book: LeaseBook,
  { concurrency }: LimitsDocument,
  countedAtMs: number,
  bytes: number,
  nowMs: number,
): Ticket {
  book.inFlight += 1;
  book.isSlotted = concurrency !== undefined;
  // Also without a limit: one that is set meanwhile finds the functions that run.
  book.lastSlot += 1;
  book.running.set(book.lastSlot, nowMs);
  book.peakRunning = Math.max(book.peakRunning, book.running.size);
  return { countedAtMs, bytes, slot: book.lastSlot };
}

/** Frees a call's slot: its function has ended. */
export function endCall(book: LeaseBook, limits: LimitsDocument, { slot }: Ticket, nowMs: number): void {
  const startedAtMs = book.running.get(slot);
  if (startedAtMs === undefined) return;
  noteDuration(book, Math.max(0, nowMs - startedAtMs), nowMs);
  freeSlot(book, limits, slot);
}

function freeSlot(book: LeaseBook, limits: LimitsDocument, slot: number): void {
  book.lost.delete(slot);
  // Below a pool's size a slot goes back at once, for another isolate to take.
  if (book.running.delete(slot) && !isPooled(limits)) book.slots = Math.max(book.running.size, book.slots - 1);
}

/** Notes that a call got no answer, not even its head: its function may run on, but its end will not be seen. */
export function loseCall(book: LeaseBook, { slot }: Ticket, nowMs: number): void {
  const startedAtMs = book.running.get(slot);
  if (startedAtMs === undefined) return;
  book.lost.set(slot, Math.max(nowMs + LOST_HOLD_MS, startedAtMs + longestOfLate(book, nowMs)));
}

const longestOfLate = ({ longestMs, longestAtMs }: LeaseBook, nowMs: number): number =>
  longestMs * Math.exp(-Math.max(0, nowMs - longestAtMs) / LONGEST_FADES_MS);

function noteDuration(book: LeaseBook, durationMs: number, nowMs: number): void {
  if (durationMs >= longestOfLate(book, nowMs)) {
    book.longestMs = durationMs;
    book.longestAtMs = nowMs;
  }
  book.usualMs += (durationMs - book.usualMs) * USUAL_PART;
}

/** Gives up slots that nothing runs in: whoever they were meant for was refused. */
export function releaseIdleSlots(book: LeaseBook, limits: LimitsDocument): void {
  if (!isPooled(limits)) book.slots = Math.min(book.slots, book.running.size);
}

/** Takes an admission back: the call is not forwarded after all. */
export function cancelCall(book: LeaseBook, limits: LimitsDocument, ticket: Ticket, nowMs: number): void {
  book.inFlight -= 1;
  giveBack(book, ticket, nowMs);
  freeSlot(book, limits, ticket.slot);
}

/** Takes back a call that was sent but certainly started no function: it holds and costs nothing. */
export function takeBackCall(book: LeaseBook, limits: LimitsDocument, ticket: Ticket, nowMs: number): void {
  giveBack(book, ticket, nowMs);
  freeSlot(book, limits, ticket.slot);
}

/** Gives back what a call has cost: Lambda has turned it away, so that no function ran. */
export function giveBack(book: LeaseBook, { countedAtMs, bytes }: Ticket, nowMs: number): void {
  correct(book, { atMs: countedAtMs, calls: -1, bytes: -bytes }, nowMs);
}

function correct(book: LeaseBook, correction: Correction, nowMs: number): void {
  const last = book.corrections.at(-1);
  // Corrections of one moment at the ledger add up.
  if (last && last.atMs === correction.atMs) {
    book.corrections[book.corrections.length - 1] = {
      atMs: last.atMs,
      calls: last.calls + correction.calls,
      bytes: last.bytes + correction.bytes,
    };
  } else book.corrections.push(correction);
  book.unsentSinceMs ??= nowMs;
}

/** Adds to what the isolate has to account for. */
export function recordUse(book: LeaseBook, functionName: string, use: Partial<Use>, nowMs: number): void {
  addUseOf(book.use, functionName, use);
  // What is given back (negative) was counted before.
  book.inFlight = Math.max(0, book.inFlight - Math.max(0, use.forwarded ?? 0));
  book.unsentSinceMs ??= nowMs;
}

/** Whether to ask ahead, behind the call that was just admitted, so that the next ones need not wait. */
export function wantsRenewal(book: LeaseBook, limits: LimitsDocument, nowMs: number): boolean {
  let left = 0;
  let size = 0;
  let freshUntilMs = 0;
  for (const lease of book.leases) {
    if (lease.closed || nowMs >= lease.endsAtMs) continue;
    left += lease.calls - lease.usedCalls;
    size += lease.calls;
    freshUntilMs = Math.max(freshUntilMs, lease.askedAtMs + (lease.endsAtMs - lease.askedAtMs) * ASK_AT_AGE);
  }
  if (!isCounted(limits)) return left === 0 || nowMs >= freshUntilMs;
  return size >= MIN_RENEWED_CALLS && (left < size * ASK_AT_LEFT || nowMs >= freshUntilMs);
}

/** What an ask is for: calls that wait for it; calls to come; or only to account for what was. */
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
 * Writes the next ask. With calls that wait for it, whatever is held is given back first: it was of no use to them, and
 * the new lease takes its place.
 */
export function writeAsk(book: LeaseBook, limits: LimitsDocument, purpose: Purpose, nowMs: number): LedgerAsk {
  const asked = typeof purpose === 'string' ? { waiting: { calls: 0, bytes: 0 } } : purpose;
  const { waiting, bytesOfAll = 0, withoutSlots = false } = asked;
  const ahead = purpose !== 'settle';
  const seq = book.seq + 1;
  book.seq = seq;
  for (const lease of book.leases) {
    if (waiting.calls > 0 || nowMs >= lease.endsAtMs || lease.usedCalls >= lease.calls) lease.closed = true;
  }
  if (book.use.size > 0 || book.corrections.length > 0) {
    book.batches.push({ id: seq, use: book.use, corrections: book.corrections });
    book.use = new Map();
    book.corrections = [];
  }
  delete book.unsentSinceMs;
  dropUnseen(book, limits, nowMs);
  const { arrived } = book;
  if (ahead) countRecent(book, nowMs);
  const expected = Math.min(MAX_WANTED_CALLS, Math.max(1, Math.floor(book.recentCalls * HEADROOM)));
  const calls = ahead ? Math.max(waiting.calls, expected) : 0;
  const running = book.running.size;
  const pooled = isPooled(limits);
  const idle = ahead && pooled ? Math.max(0, Math.ceil(book.peakRunning * HEADROOM) - running) : 0;
  // What it keeps of idle slots it may go on filling while it waits for the answer.
  const keepSlots = Math.max(running, Math.min(book.slots, running + idle));
  const slots = (withoutSlots ? 0 : waiting.calls) + Math.max(0, running + idle - keepSlots);
  book.slots = keepSlots;
  book.isSlotted ||= limits.concurrency !== undefined;
  book.slotsAtLedger = keepSlots + slots;
  const ask: LedgerAsk = {
    holder: book.holder,
    seq,
    reports: book.leases.map(({ id, usedCalls, usedBytes, closed }) => ({
      id,
      calls: usedCalls,
      bytes: usedBytes,
      final: closed,
    })),
    batches: book.batches,
    keepSlots,
    ...writeSlotTimes(book, limits, nowMs),
    inFlight: book.inFlight,
    arrived: ahead ? arrived : 0,
    wanted: { calls, bytes: ahead ? Math.max(bytesOfAll, Math.ceil(book.recentBytes * HEADROOM)) : 0, slots },
    waiting,
  };
  const finals = book.leases.filter(({ closed }) => closed).map(({ id }) => id);
  book.asked = { seq, atMs: nowMs, finals, lastBatch: book.batches.at(-1)?.id ?? 0, slots: keepSlots };
  if (ahead) book.peakRunning = running;
  return ask;
}

/** Says when slots come free: of lost calls at a known time, of others as recent calls suggest. */
function writeSlotTimes(
  book: LeaseBook,
  limits: LimitsDocument,
  nowMs: number,
): Pick<LedgerAsk, 'lost' | 'slotFreeInMs'> {
  if (limits.concurrency === undefined) return {};
  const longestMs = maxDurationMs(limits);
  const slotsBySecond = new Map<number, number>();
  let slotFreeInMs = Number.POSITIVE_INFINITY;
  for (const [slot, freesAtMs] of book.lost) {
    const startedAtMs = book.running.get(slot) ?? nowMs;
    const freeInMs = Math.max(0, Math.min(freesAtMs, startedAtMs + longestMs) - nowMs);
    slotFreeInMs = Math.min(slotFreeInMs, freeInMs);
    const seconds = Math.ceil(freeInMs / 1_000);
    slotsBySecond.set(seconds, (slotsBySecond.get(seconds) ?? 0) + 1);
  }
  for (const [slot, startedAtMs] of book.running) {
    if (book.lost.has(slot)) continue;
    // The first was started first.
    slotFreeInMs = Math.min(slotFreeInMs, Math.max(0, startedAtMs + book.usualMs - nowMs));
    break;
  }
  const lost = [...slotsBySecond].map(([seconds, slots]) => ({ slots, freeInMs: seconds * 1_000 }));
  // Where nothing runs yet: the call that this ask is for.
  if (slotFreeInMs === Number.POSITIVE_INFINITY) slotFreeInMs = book.usualMs;
  return { ...(lost.length > 0 && { lost }), slotFreeInMs };
}

/**
 * Adds the calls since the last ask to those of late, of which a part is forgotten with each moment. So the first call
 * of an isolate wants one, and not what would come if all time were like the last few milliseconds.
 */
function countRecent(book: LeaseBook, nowMs: number): void {
  const seconds = Math.max(1, nowMs - book.countedSinceMs) / LEASE_MS;
  const kept = Math.exp(-seconds);
  const added = (1 - kept) / seconds;
  book.recentCalls = book.recentCalls * kept + book.arrived * added;
  book.recentBytes = book.recentBytes * kept + book.arrivedBytes * added;
  book.arrived = 0;
  book.arrivedBytes = 0;
  book.countedSinceMs = nowMs;
}

/** Takes up the answer to the ask that is out; any other is too late, and gives nothing. */
export function takeAnswer(book: LeaseBook, answer: LedgerAnswer, nowMs: number): boolean {
  const { asked } = book;
  if (!asked || asked.seq !== answer.seq) return false;
  delete book.asked;
  book.leases = book.leases.filter(({ id }) => !asked.finals.includes(id));
  book.batches = book.batches.filter(({ id }) => id > asked.lastBatch);
  const { lease, no } = answer;
  if (lease) {
    const endsAtMs = asked.atMs + lease.lastsMs;
    const { calls, atOnce, spreadMs, bytes, grantedAtMs } = lease;
    book.leases.push({
      ...newLease(answer.seq, asked.atMs),
      calls,
      atOnce,
      spreadMs,
      ...(bytes !== undefined && { bytes }),
      endsAtMs,
      grantedAtMs,
    });
  }
  book.slots += answer.slots;
  book.isSlotted ||= answer.slots > 0;
  book.slotsAtLedger = asked.slots + answer.slots;
  book.slotsEndMs = asked.atMs + LEASE_MS;
  if (no) book.no = { ...no, untilMs: asked.atMs + no.holdsMs, resetAtMs: asked.atMs + no.resetMs };
  else if (lease || answer.slots > 0) delete book.no;
  book.standings = answer.standings;
  book.standingsAtMs = nowMs;
  return true;
}

/** Gives up the ask that is out: whatever was granted for it is given back unused, with the next ask. */
export function loseAsk(book: LeaseBook): void {
  if (!book.asked) return;
  book.leases.push({ ...newLease(book.asked.seq, book.asked.atMs), closed: true });
  delete book.asked;
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
export function settleDueAt(book: LeaseBook): number | undefined {
  if (book.batches.length > 0) return 0;
  if (book.isSlotted && book.slotsAtLedger > Math.max(book.slots, book.running.size)) return 0;
  let dueAtMs = Number.POSITIVE_INFINITY;
  for (const { endsAtMs } of book.leases) dueAtMs = Math.min(dueAtMs, endsAtMs);
  if (book.unsentSinceMs !== undefined) dueAtMs = Math.min(dueAtMs, book.unsentSinceMs + SEND_USE_MS);
  if (book.isSlotted && book.slotsAtLedger > book.running.size) dueAtMs = Math.min(dueAtMs, book.slotsEndMs);
  for (const freesAtMs of book.lost.values()) dueAtMs = Math.min(dueAtMs, freesAtMs);
  return dueAtMs === Number.POSITIVE_INFINITY ? undefined : dueAtMs;
}

/** Whether a book can be thrown away: no call of its is under way, and there is nothing to be written to the ledger. */
export const owesNothing = (book: LeaseBook): boolean =>
  book.running.size === 0 && book.inFlight === 0 && settleDueAt(book) === undefined;

/** What may still be used of the leases at hand. */
export function heldLeases({ leases }: LeaseBook, nowMs: number): { calls: number; bytes: number } {
  const held = { calls: 0, bytes: 0 };
  for (const { closed, endsAtMs, calls, usedCalls, bytes = 0, usedBytes } of leases) {
    if (closed || nowMs >= endsAtMs) continue;
    held.calls += calls - usedCalls;
    held.bytes += Math.max(0, bytes - usedBytes);
  }
  return held;
}
