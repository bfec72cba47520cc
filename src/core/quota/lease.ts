import { addUsageOf, type Usage } from '../usage/usage.ts';
import { countRecent, expectedBytes, expectedCalls } from './demand.ts';
import { emptyLease, isUsable, msPerCall, usableCalls } from './held-lease.ts';
import { fieldsOf, type HolderFields, type LeaseHolder } from './lease-holder.ts';
import type { Correction, LeaseRequest, LeaseResponse, LimitStatus, Waiting } from './lease-protocol.ts';
import { isCounted, type LimitName, type LimitsDocument } from './limits.ts';
import {
  endSlot,
  freeSlot,
  grantSlots,
  hasFreeSlot,
  loseSlot,
  releaseIdle,
  requestSlots,
  slotsDueAtMs,
  takeSlot,
} from './slots.ts';

/** The record of an admitted call, kept until the call ends. */
export interface Ticket {
  /** When the call was counted: by the ledger's clock, or by the isolate's clock if the call has no lease. */
  readonly countedAtMs: number;
  readonly bytes: number;
  /** The slot that the call runs in. */
  readonly slot: number;
}

/** An isolate renews its leases when this fraction of their lifetime has passed. */
const RENEW_AT_AGE = 0.8;
/** An isolate renews its leases early when less than this fraction of their calls is left. */
const RENEW_AT_LEFT = 0.25;
/** An isolate does not renew leases with fewer calls than this in total, because they are not worth an extra request. */
const MIN_RENEWED_CALLS = 4;
/** Maximum time in milliseconds for which the isolate keeps usage before sending it. */
const SEND_USAGE_MS = 1_000;

type Refused = { readonly kind: 'refused'; readonly limit: LimitName; readonly retryAfterMs: number };

/** The decision on a call: admitted, refused, or `ask` if the isolate must ask the ledger first. */
export type Admission = { readonly kind: 'admitted'; readonly ticket: Ticket } | Refused | { readonly kind: 'ask' };

/** The outcome of charging a call to the rate alone. */
export type ChargeOutcome = Exclude<Admission, { kind: 'admitted' }> | { readonly kind: 'charged' };

/** Counts the arrival of a call. Use this function once for each call, however often `admit` is tried. */
export function countArrival(holder: LeaseHolder, bytes: number): void {
  const { demand } = fieldsOf(holder);
  demand.arrived += 1;
  demand.arrivedBytes += bytes;
}

/** Admits a call if a lease has room for it. */
export function admit(holder: LeaseHolder, limits: LimitsDocument, bytes: number, nowMs: number): Admission {
  const fields = fieldsOf(holder);
  const slotFree = hasFreeSlot(fields.slots, limits, nowMs);
  let accruesAtMs: number | undefined;
  for (const lease of fields.leases) {
    if (!isUsable(lease, bytes, nowMs)) continue;
    if (lease.usedCalls + 1 > usableCalls(lease, nowMs)) {
      accruesAtMs ??= nowMs + 1 + msPerCall(lease);
      continue;
    }
    if (!slotFree) break;
    lease.usedCalls += 1;
    lease.usedBytes += bytes;
    return { kind: 'admitted', ticket: takeTicket(fields, limits, lease.grantedAtMs, bytes, nowMs) };
  }
  const { denial } = fields;
  if (denial && nowMs < denial.untilMs && bytes >= denial.fromBytes) return refusedBy(denial, nowMs);
  return accruesAtMs !== undefined && slotFree ? overRate(accruesAtMs, nowMs) : { kind: 'ask' };
}

/**
 * Charges one unit of the rate for a call that is not forwarded. The call takes no slot, and the quotas get their unit back
 * at once.
 */
export function chargeRate(holder: LeaseHolder, nowMs: number): ChargeOutcome {
  const fields = fieldsOf(holder);
  let accruesAtMs: number | undefined;
  for (const lease of fields.leases) {
    if (!isUsable(lease, 0, nowMs)) continue;
    if (lease.usedCalls + 1 > usableCalls(lease, nowMs)) {
      accruesAtMs ??= nowMs + 1 + msPerCall(lease);
      continue;
    }
    lease.usedCalls += 1;
    correct(fields, { atMs: lease.grantedAtMs, calls: -1, bytes: 0 }, nowMs);
    return { kind: 'charged' };
  }
  const { denial } = fields;
  // Denials for lack of slots or bytes do not apply, because the call runs no function and sends no payload.
  if (denial && nowMs < denial.untilMs && denial.limit !== 'concurrency' && denial.fromBytes === 0) {
    return refusedBy(denial, nowMs);
  }
  return accruesAtMs === undefined ? { kind: 'ask' } : overRate(accruesAtMs, nowMs);
}

/** Refuses a call that the last denial covers, unless a lease may have room for it. Does not count the call. */
export function peekDenial(holder: LeaseHolder, bytes: number, nowMs: number): Refused | undefined {
  const { denial } = fieldsOf(holder);
  if (!denial || nowMs >= denial.untilMs || bytes < denial.fromBytes || hasLease(holder, bytes, nowMs))
    return undefined;
  return refusedBy(denial, nowMs);
}

const refusedBy = ({ limit, resetAtMs }: NonNullable<HolderFields['denial']>, nowMs: number): Refused => ({
  kind: 'refused',
  limit,
  retryAfterMs: resetAtMs - nowMs,
});

const overRate = (accruesAtMs: number, nowMs: number): Refused => ({
  kind: 'refused',
  limit: 'rate',
  retryAfterMs: accruesAtMs - nowMs,
});

/** True if a lease has room for a call with a payload of this size, now or later. */
export const hasLease = (holder: LeaseHolder, bytes: number, nowMs: number): boolean =>
  fieldsOf(holder).leases.some((lease) => isUsable(lease, bytes, nowMs));

/** Admits a call without a lease. The isolate reports the call when it next reaches the ledger. */
export function admitUncounted(holder: LeaseHolder, limits: LimitsDocument, bytes: number, nowMs: number): Ticket {
  const fields = fieldsOf(holder);
  correct(fields, { atMs: nowMs, calls: 1, bytes }, nowMs);
  return takeTicket(fields, limits, nowMs, bytes, nowMs);
}

function takeTicket(
  fields: HolderFields,
  limits: LimitsDocument,
  countedAtMs: number,
  bytes: number,
  nowMs: number,
): Ticket {
  fields.inFlight += 1;
  return { countedAtMs, bytes, slot: takeSlot(fields.slots, limits, nowMs) };
}

/** Releases a call's slot after the end of its function was observed. */
export function endCall(holder: LeaseHolder, limits: LimitsDocument, { slot }: Ticket, nowMs: number): void {
  endSlot(fieldsOf(holder).slots, limits, slot, nowMs);
}

/**
 * Marks a call as lost: it got no answer, not even a response head. Its function may still run, and nobody will observe its
 * end.
 */
export function loseCall(holder: LeaseHolder, { slot }: Ticket, nowMs: number): void {
  loseSlot(fieldsOf(holder).slots, slot, nowMs);
}

/** Gives up idle slots granted for calls that were then refused. Pooled slots stay. */
export function releaseIdleSlots(holder: LeaseHolder, limits: LimitsDocument): void {
  releaseIdle(fieldsOf(holder).slots, limits);
}

/** Undoes the admission of a call that is not forwarded after all. */
export function cancelCall(holder: LeaseHolder, limits: LimitsDocument, ticket: Ticket, nowMs: number): void {
  fieldsOf(holder).inFlight -= 1;
  takeBackCall(holder, limits, ticket, nowMs);
}

/** Takes back a call that was sent but certainly started no function: frees the call's slot and gives back its cost. */
export function takeBackCall(holder: LeaseHolder, limits: LimitsDocument, ticket: Ticket, nowMs: number): void {
  giveBack(holder, ticket, nowMs);
  freeSlot(fieldsOf(holder).slots, limits, ticket.slot);
}

/** Gives back the cost of a call that Lambda turned away without running a function. */
export function giveBack(holder: LeaseHolder, { countedAtMs, bytes }: Ticket, nowMs: number): void {
  correct(fieldsOf(holder), { atMs: countedAtMs, calls: -1, bytes: -bytes }, nowMs);
}

function correct(fields: HolderFields, correction: Correction, nowMs: number): void {
  const last = fields.corrections.at(-1);
  // Merge corrections that have the same time.
  if (last && last.atMs === correction.atMs) {
    fields.corrections[fields.corrections.length - 1] = {
      atMs: last.atMs,
      calls: last.calls + correction.calls,
      bytes: last.bytes + correction.bytes,
    };
  } else fields.corrections.push(correction);
  fields.unsentSinceMs ??= nowMs;
}

/** Adds to the usage that the isolate has to report. */
export function recordUsage(holder: LeaseHolder, functionName: string, usage: Partial<Usage>, nowMs: number): void {
  const fields = fieldsOf(holder);
  addUsageOf(fields.usage, functionName, usage);
  // A negative `forwarded` takes back a call that was recorded before, so it does not change `inFlight`.
  fields.inFlight = Math.max(0, fields.inFlight - Math.max(0, usage.forwarded ?? 0));
  fields.unsentSinceMs ??= nowMs;
}

/** True if the isolate should renew its lease now, so that the next calls do not have to wait. */
export function wantsRenewal(holder: LeaseHolder, limits: LimitsDocument, nowMs: number): boolean {
  let left = 0;
  let size = 0;
  let freshUntilMs = 0;
  for (const lease of fieldsOf(holder).leases) {
    if (lease.closed || nowMs >= lease.endsAtMs) continue;
    left += lease.calls - lease.usedCalls;
    size += lease.calls;
    freshUntilMs = Math.max(freshUntilMs, lease.askedAtMs + (lease.endsAtMs - lease.askedAtMs) * RENEW_AT_AGE);
  }
  if (!isCounted(limits)) return left === 0 || nowMs >= freshUntilMs;
  return size >= MIN_RENEWED_CALLS && (left < size * RENEW_AT_LEFT || nowMs >= freshUntilMs);
}

/** The purpose of a request: to serve waiting calls, to prepare for later calls (`ahead`), or only to report (`flush`). */
export type Purpose =
  | {
      readonly waiting: Waiting;
      readonly bytesOfAll?: number;
      /** True if the calls need no slots, because they do not run yet or never run. */
      readonly withoutSlots?: boolean;
    }
  | 'ahead'
  | 'flush';

/**
 * Builds the next request. If calls are waiting, the request gives back every lease that the isolate holds. None of these
 * leases had room for the calls, and the new lease replaces them.
 */
export function buildRequest(
  holder: LeaseHolder,
  limits: LimitsDocument,
  purpose: Purpose,
  nowMs: number,
): LeaseRequest {
  const fields = fieldsOf(holder);
  const { leases, demand } = fields;
  const need = typeof purpose === 'string' ? { waiting: { calls: 0, bytes: 0 } } : purpose;
  const { waiting, bytesOfAll = 0, withoutSlots = false } = need;
  const ahead = purpose !== 'flush';
  const seq = fields.seq + 1;
  fields.seq = seq;
  for (const lease of leases) {
    if (waiting.calls > 0 || nowMs >= lease.endsAtMs || lease.usedCalls >= lease.calls) lease.closed = true;
  }
  closeBatch(fields, seq);
  const { batches } = fields;
  const { arrived } = demand;
  if (ahead) countRecent(demand, nowMs);
  const { wanted: slots, ...slotRequest } = requestSlots(
    fields.slots,
    limits,
    { waiting: withoutSlots ? 0 : waiting.calls, ahead },
    nowMs,
  );
  const finals = leases.filter(({ closed }) => closed).map(({ id }) => id);
  fields.sent = { seq, atMs: nowMs, finals, lastBatch: batches.at(-1)?.id ?? 0, slots: slotRequest.keepSlots };
  return {
    holder: fields.id,
    seq,
    reports: leases.map(({ id, usedCalls: calls, usedBytes: bytes, closed: final }) => ({ id, calls, bytes, final })),
    batches,
    ...slotRequest,
    inFlight: fields.inFlight,
    arrived: ahead ? arrived : 0,
    wanted: {
      calls: ahead ? Math.max(waiting.calls, expectedCalls(demand)) : 0,
      bytes: ahead ? Math.max(bytesOfAll, expectedBytes(demand)) : 0,
      slots,
    },
    waiting,
  };
}

/** Moves unsent usage and corrections into a batch. Each request carries the batch until the ledger acknowledges it. */
function closeBatch(fields: HolderFields, id: number): void {
  const { usage, corrections } = fields;
  delete fields.unsentSinceMs;
  if (usage.size === 0 && corrections.length === 0) return;
  fields.batches.push({ id, use: usage, corrections });
  fields.usage = new Map();
  fields.corrections = [];
}

/**
 * Applies the response to the current request. Returns false for any other response, which is too late and grants nothing.
 */
export function applyResponse(holder: LeaseHolder, response: LeaseResponse, nowMs: number): boolean {
  const fields = fieldsOf(holder);
  const { sent } = fields;
  if (!sent || sent.seq !== response.seq) return false;
  delete fields.sent;
  fields.leases = fields.leases.filter(({ id }) => !sent.finals.includes(id));
  fields.batches = fields.batches.filter(({ id }) => id > sent.lastBatch);
  const { lease, no: denial } = response;
  if (lease) {
    const { lastsMs, ...granted } = lease;
    fields.leases.push({ ...emptyLease(sent.seq, sent.atMs), ...granted, endsAtMs: sent.atMs + lastsMs });
  }
  grantSlots(fields.slots, sent.slots, response.slots, sent.atMs);
  if (denial) fields.denial = { ...denial, untilMs: sent.atMs + denial.holdsMs, resetAtMs: sent.atMs + denial.resetMs };
  else if (lease || response.slots > 0) delete fields.denial;
  fields.statuses = response.standings;
  fields.statusesAtMs = nowMs;
  return true;
}

/**
 * Abandons the current request. The next request gives back, unused, any lease that the ledger granted for the abandoned
 * request.
 */
export function abandonRequest(holder: LeaseHolder): void {
  const fields = fieldsOf(holder);
  const { sent } = fields;
  if (!sent) return;
  fields.leases.push({ ...emptyLease(sent.seq, sent.atMs), closed: true });
  delete fields.sent;
}

/** Time (epoch ms) at which the isolate must report even if no call waits. 0: at once. Undefined: nothing to report. */
export function nextFlushAtMs(holder: LeaseHolder): number | undefined {
  const { batches, slots, leases, unsentSinceMs } = fieldsOf(holder);
  if (batches.length > 0) return 0;
  let dueAtMs = slotsDueAtMs(slots);
  for (const { endsAtMs } of leases) dueAtMs = Math.min(dueAtMs, endsAtMs);
  if (unsentSinceMs !== undefined) dueAtMs = Math.min(dueAtMs, unsentSinceMs + SEND_USAGE_MS);
  return dueAtMs === Number.POSITIVE_INFINITY ? undefined : dueAtMs;
}

/** True if the holder can be dropped, because no call is running and there is nothing to report. */
export function isFlushed(holder: LeaseHolder): boolean {
  const { slots, inFlight } = fieldsOf(holder);
  return slots.running.size === 0 && inFlight === 0 && nextFlushAtMs(holder) === undefined;
}

/** Returns the status of each limit in the ledger's last response, and the time at which the isolate got the response. */
export function lastStatuses(holder: LeaseHolder): {
  readonly statuses: readonly LimitStatus[];
  readonly atMs: number;
} {
  const { statuses, statusesAtMs } = fieldsOf(holder);
  return { statuses, atMs: statusesAtMs };
}

/** Counts the unused calls and bytes in the leases that are still open. */
export function heldLeases(holder: LeaseHolder, nowMs: number): { calls: number; bytes: number } {
  const held = { calls: 0, bytes: 0 };
  for (const { closed, endsAtMs, calls, usedCalls, bytes = 0, usedBytes } of fieldsOf(holder).leases) {
    if (closed || nowMs >= endsAtMs) continue;
    held.calls += calls - usedCalls;
    held.bytes += Math.max(0, bytes - usedBytes);
  }
  return held;
}
