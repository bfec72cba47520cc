import { type HeldLease, usableCalls } from '../../../src/core/quota/held-lease.ts';
import { abandonRequest, applyResponse, buildRequest, type Purpose } from '../../../src/core/quota/lease.ts';
import { createLeaseHolder, fieldsOf, type LeaseHolder } from '../../../src/core/quota/lease-holder.ts';
import type { Denial, LeaseRequest, LeaseResponse, Waiting } from '../../../src/core/quota/lease-protocol.ts';
import { FORGOTTEN_MS, WRITTEN_OFF_MS } from '../../../src/core/quota/ledger.ts';
import { LEASE_MS, type LimitsDocument } from '../../../src/core/quota/limits.ts';
import { addUsageOf } from '../../../src/core/usage/usage.ts';

/** A part of one of the sub-ledger's own leases, as it is leased on to an isolate. */
interface Sublease {
  readonly id: number;
  /** The lease that it is a part of, and when the ledger granted that. */
  readonly of: number;
  readonly grantedAtMs: number;
  readonly calls: number;
  readonly bytes?: number;
  readonly lastsMs: number;
  readonly endsAtMs: number;
  usedCalls: number;
  usedBytes: number;
}

/** What a sub-ledger knows of an isolate. */
interface Child {
  /** The last ask that was heard, whether it has been answered, and the last batch that was passed on. */
  seq: number;
  answered: boolean;
  batch: number;
  inFlight: number;
  subleases: Sublease[];
  seenAtMs: number;
}

const newChild = (): Child => ({ seq: 0, answered: true, batch: 0, inFlight: 0, subleases: [], seenAtMs: 0 });

/**
 * Stands between a ledger and the isolates of a region when they are too many for one object. To the ledger it is an
 * isolate whose calls are the leases of others; to an isolate it is the ledger. Nothing lasts longer for that: a
 * sublease ends before the lease does that it is a part of. It leases calls and bytes, not slots: a tenant with a
 * concurrency limit stays with one ledger. Plain data; only the functions of this file change it.
 */
export interface SubLedger {
  readonly holder: LeaseHolder;
  readonly children: Map<string, Child>;
  /** Leases that the ledger was told the end of: what comes back of them now is a correction. */
  ended: number[];
  askedAtMs: number;
}

/** It asks this often while anything goes on, so that what it leases on lasts most of a second. */
const ASK_EVERY_MS = 250;
/** Part of a second's calls that it wants each time: more than it needs until the next, for isolates ask ahead. */
const WANTED_PART = 0.5;
/** What ends sooner than this is not leased on: the answer has to travel. */
const MIN_SUBLEASE_MS = 200;
/** After the end of a lease it waits so long for what its isolates return, which the ledger then has in time. */
const RETURN_MS = 400;
/** An isolate is forgotten after so long: before the ledger would forget the sub-ledger, and name the same calls. */
const CHILD_FORGOTTEN_MS = FORGOTTEN_MS / 2;

export const createSubLedger = (holder: string, nowMs: number): SubLedger => ({
  holder: createLeaseHolder(holder, nowMs),
  children: new Map(),
  ended: [],
  askedAtMs: nowMs,
});

/**
 * Answers an ask as the ledger would; undefined: what is at hand does not do for the calls that wait, so that the ledger
 * has to be asked before the same ask is tried again.
 */
export function askSubLedger(sub: SubLedger, ask: LeaseRequest, nowMs: number): LeaseResponse | undefined {
  const child = sub.children.get(ask.holder) ?? newChild();
  sub.children.set(ask.holder, child);
  child.seenAtMs = nowMs;
  if (ask.seq > child.seq) hear(sub, child, ask, nowMs);
  const { statuses } = fieldsOf(sub.holder);
  const given = child.subleases.find(({ id }) => id === ask.seq);
  if (ask.seq < child.seq || child.answered) {
    return { seq: ask.seq, ...(given && { lease: leaseOf(given) }), slots: 0, standings: statuses };
  }
  const sublease = sublet(sub, child, ask, nowMs);
  const denial = sublease || ask.waiting.calls === 0 ? undefined : denialOf(sub, ask.waiting, nowMs);
  if (!sublease && !denial && ask.waiting.calls > 0) return undefined;
  child.answered = true;
  return {
    seq: ask.seq,
    ...(sublease && { lease: leaseOf(sublease) }),
    slots: 0,
    ...(denial && { no: denial }),
    standings: statuses,
  };
}

const leaseOf = ({ calls, bytes, lastsMs, grantedAtMs }: Sublease) => ({
  calls,
  atOnce: calls,
  spreadMs: 0,
  ...(bytes !== undefined && { bytes }),
  lastsMs,
  grantedAtMs,
});

/** Takes account of what an isolate reports: once, for it is not heard of the same ask again. */
function hear(sub: SubLedger, child: Child, ask: LeaseRequest, nowMs: number): void {
  const fields = fieldsOf(sub.holder);
  child.seq = ask.seq;
  child.answered = false;
  child.inFlight = ask.inFlight;
  for (const report of ask.reports) {
    const sublease = child.subleases.find(({ id }) => id === report.id);
    if (!sublease) continue;
    const { bytes, usedBytes } = sublease;
    sublease.usedCalls = Math.min(Math.max(report.calls, sublease.usedCalls), sublease.calls);
    sublease.usedBytes = Math.min(Math.max(report.bytes, usedBytes), bytes ?? Number.POSITIVE_INFINITY);
    // Bytes that are not limited were taken from nothing. They are counted before any of them is given back.
    if (bytes === undefined) correctLease(sub, sublease, 0, sublease.usedBytes - usedBytes);
    if (report.final) takeBack(sub, child, sublease);
  }
  for (const { id, use, corrections } of ask.batches) {
    if (id <= child.batch) continue;
    child.batch = id;
    for (const [name, used] of use) addUsageOf(fields.usage, name, used);
    fields.corrections.push(...corrections);
  }
  if (fields.usage.size > 0 || fields.corrections.length > 0) fields.unsentSinceMs ??= nowMs;
  fields.demand.arrived += ask.arrived;
  if (ask.wanted.calls > 0) fields.demand.arrivedBytes += (ask.arrived * ask.wanted.bytes) / ask.wanted.calls;
}

/** Takes an isolate's unused calls and bytes back. */
function takeBack(sub: SubLedger, child: Child, sublease: Sublease): void {
  child.subleases = child.subleases.filter((other) => other !== sublease);
  const { calls, usedCalls, bytes, usedBytes } = sublease;
  correctLease(sub, sublease, usedCalls - calls, bytes === undefined ? 0 : usedBytes - bytes);
}

/** Corrects how far the lease was used that a sublease is of; or else, when its end was told, what the ledger counted. */
function correctLease({ holder, ended }: SubLedger, { of, grantedAtMs }: Sublease, calls: number, bytes: number): void {
  const fields = fieldsOf(holder);
  const lease = ended.includes(of) ? undefined : fields.leases.find(({ id }) => id === of);
  if (lease) {
    lease.usedCalls += calls;
    lease.usedBytes += bytes;
  } else if (calls !== 0 || bytes !== 0) fields.corrections.push({ atMs: grantedAtMs, calls, bytes });
}

/** Leases a part of a lease on: of the one that lasts longest. */
function sublet({ holder }: SubLedger, child: Child, ask: LeaseRequest, nowMs: number): Sublease | undefined {
  const fields = fieldsOf(holder);
  const { wanted, waiting } = ask;
  let best: HeldLease | undefined;
  for (const lease of fields.leases) {
    const isOfUse =
      !lease.closed && nowMs + MIN_SUBLEASE_MS < lease.endsAtMs && usableCalls(lease, nowMs) >= lease.usedCalls + 1;
    const hasBytes = lease.bytes === undefined || lease.bytes - lease.usedBytes >= waiting.bytes;
    if (isOfUse && hasBytes && (!best || lease.endsAtMs > best.endsAtMs)) best = lease;
  }
  if (!best || wanted.calls < 1) return undefined;
  const calls = Math.min(wanted.calls, Math.floor(usableCalls(best, nowMs)) - best.usedCalls);
  const bytes =
    best.bytes === undefined ? undefined : Math.min(Math.max(wanted.bytes, waiting.bytes), best.bytes - best.usedBytes);
  best.usedCalls += calls;
  best.usedBytes += bytes ?? 0;
  const lastsMs = Math.min(LEASE_MS, best.endsAtMs - nowMs);
  const sublease: Sublease = {
    id: ask.seq,
    of: best.id,
    grantedAtMs: best.grantedAtMs,
    calls,
    ...(bytes !== undefined && { bytes }),
    lastsMs,
    endsAtMs: nowMs + lastsMs,
    usedCalls: 0,
    usedBytes: 0,
  };
  child.subleases.push(sublease);
  return sublease;
}

/** What the ledger said no to holds for the isolates too, for as long as it does. */
function denialOf({ holder }: SubLedger, waiting: Waiting, nowMs: number): Denial | undefined {
  const { denial } = fieldsOf(holder);
  if (!denial || nowMs >= denial.untilMs || waiting.bytes < denial.fromBytes) return undefined;
  return {
    limit: denial.limit,
    holdsMs: denial.untilMs - nowMs,
    resetMs: Math.max(0, denial.resetAtMs - nowMs),
    fromBytes: denial.fromBytes,
  };
}

/** When the ledger is to be asked though no call waits; undefined: nothing goes on. */
export function subLedgerDueAt({ holder, children, askedAtMs }: SubLedger): number | undefined {
  const fields = fieldsOf(holder);
  const owes =
    fields.leases.length > 0 || fields.batches.length > 0 || fields.usage.size > 0 || fields.corrections.length > 0;
  if (owes || fields.demand.arrived > 0) return askedAtMs + ASK_EVERY_MS;
  let dueAtMs = Number.POSITIVE_INFINITY;
  for (const { subleases, inFlight, seenAtMs } of children.values()) {
    if (subleases.length > 0) dueAtMs = Math.min(dueAtMs, seenAtMs + WRITTEN_OFF_MS);
    else if (inFlight > 0) dueAtMs = Math.min(dueAtMs, seenAtMs + CHILD_FORGOTTEN_MS);
  }
  return Number.isFinite(dueAtMs) ? dueAtMs : undefined;
}

/** Writes the next ask to the ledger, for the calls that wait at the isolates, if any do. */
export function buildSubLedgerRequest(
  sub: SubLedger,
  limits: LimitsDocument,
  waiting: Waiting | undefined,
  nowMs: number,
): LeaseRequest {
  const fields = fieldsOf(sub.holder);
  writeOff(sub, nowMs);
  sub.askedAtMs = nowMs;
  fields.inFlight = [...sub.children.values()].reduce((sum, { inFlight }) => sum + inFlight, 0);
  const purpose: Purpose = waiting ? { waiting } : fields.demand.arrived > 0 ? 'ahead' : 'flush';
  const ask = buildRequest(sub.holder, limits, purpose, nowMs);
  const reports = ask.reports.map((report) => reportOf(sub, report, nowMs));
  sub.ended = reports.filter(({ final }) => final).map(({ id }) => id);
  if (fields.sent) fields.sent = { ...fields.sent, finals: sub.ended };
  const { calls, bytes, slots } = ask.wanted;
  const part = (wanted: number, least: number) => Math.max(least, Math.ceil(wanted * WANTED_PART));
  return {
    ...ask,
    reports,
    wanted: { calls: part(calls, ask.waiting.calls), bytes: part(bytes, ask.waiting.bytes), slots },
  };
}

/** What a lease was used for, as far as that is certain; all that was leased on of it, once nothing more will come back. */
function reportOf({ children, ended }: SubLedger, report: LeaseRequest['reports'][number], nowMs: number) {
  if (ended.includes(report.id)) return report;
  const out = { calls: 0, bytes: 0, untilMs: 0 };
  for (const { subleases } of children.values()) {
    for (const { of, calls, usedCalls, bytes, usedBytes, endsAtMs } of subleases) {
      if (of !== report.id) continue;
      out.calls += calls - usedCalls;
      if (bytes !== undefined) out.bytes += bytes - usedBytes;
      out.untilMs = Math.max(out.untilMs, endsAtMs);
    }
  }
  const final = report.final && (out.untilMs === 0 || nowMs >= out.untilMs + RETURN_MS);
  return final ? report : { ...report, calls: report.calls - out.calls, bytes: report.bytes - out.bytes, final: false };
}

/** Names what isolates held that never came back. */
function writeOff({ holder, children }: SubLedger, nowMs: number): void {
  const fields = fieldsOf(holder);
  for (const [name, child] of children) {
    let unsettled = 0;
    if (nowMs >= child.seenAtMs + WRITTEN_OFF_MS) {
      unsettled = child.subleases.reduce((sum, { calls, usedCalls }) => sum + calls - usedCalls, 0);
      child.subleases = [];
    }
    if (nowMs >= child.seenAtMs + CHILD_FORGOTTEN_MS) {
      unsettled += child.inFlight;
      children.delete(name);
    }
    if (unsettled > 0) addUsageOf(fields.usage, '', { unsettled });
  }
}

/** Takes up the answer to its ask. Then asks that could not be answered are tried again. */
export const applySubLedgerResponse = ({ holder }: SubLedger, answer: LeaseResponse, nowMs: number): boolean =>
  applyResponse(holder, answer, nowMs);

/** Gives up its ask. */
export const abandonSubLedgerRequest = ({ holder }: SubLedger): void => abandonRequest(holder);
