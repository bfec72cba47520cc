import { HEADROOM } from './demand.ts';
import type { LeaseRequest } from './lease-protocol.ts';
import { LEASE_MS, type LimitsDocument, LOST_HOLD_MS, maxDurationMs, POOLED_CONCURRENCY } from './limits.ts';

/**
 * The slots of one isolate. Each slot runs one function at a time. Plain data that only the functions of this file change.
 */
export interface Slots {
  /** Slots that the isolate may fill. Functions may start in these slots until `endsAtMs`. */
  granted: number;
  endsAtMs: number;
  /** Upper bound on the slots that the ledger now counts for this isolate. */
  atLedger: number;
  /** True if the tenant's concurrency is limited, so that the isolate must report free slots to the ledger. */
  isLimited: boolean;
  /** Start time of each running function, by slot. Oldest first. */
  running: Map<number, number>;
  /** Time at which each lost call (a call that got no answer) releases its slot, by slot. */
  lost: Map<number, number>;
  /** Duration of the longest recent call, as of `longestAtMs`. Fades over time. */
  longestMs: number;
  longestAtMs: number;
  /** Moving average of call durations. */
  usualMs: number;
  lastSlot: number;
  /** Peak concurrency since the last request. */
  peak: number;
}

/** Milliseconds after which the longest recent duration has faded to about a third (1/e). */
const LONGEST_FADES_MS = 600_000;
/** Weight of one call in the moving average `usualMs`. */
const USUAL_PART = 1 / 8;

export const createSlots = (nowMs: number): Slots => ({
  granted: 0,
  endsAtMs: 0,
  atLedger: 0,
  isLimited: false,
  running: new Map(),
  lost: new Map(),
  longestMs: 0,
  longestAtMs: nowMs,
  usualMs: 0,
  lastSlot: 0,
  peak: 0,
});

const isPooled = ({ concurrency }: LimitsDocument) => concurrency !== undefined && concurrency >= POOLED_CONCURRENCY;

/** True if one more function may start now. */
export function hasFreeSlot(slots: Slots, limits: LimitsDocument, nowMs: number): boolean {
  if (limits.concurrency === undefined) return true;
  dropUnseen(slots, limits, nowMs);
  return slots.running.size < slots.granted && nowMs < slots.endsAtMs;
}

/** Releases the slots of lost calls whose hold has expired, and of functions that must have ended unobserved. */
function dropUnseen(slots: Slots, limits: LimitsDocument, nowMs: number): void {
  for (const [slot, freesAtMs] of slots.lost) if (nowMs >= freesAtMs) dropLost(slots, slot);
  const longestMs = maxDurationMs(limits);
  for (const [slot, startedAtMs] of slots.running) {
    if (nowMs < startedAtMs + longestMs) return; // the remaining functions started later
    if (slots.lost.has(slot)) dropLost(slots, slot);
    else slots.running.delete(slot);
  }
}

/** Releases the slot of a lost call. The ledger also releases this slot, so the isolate must not fill it again. */
function dropLost(slots: Slots, slot: number): void {
  slots.lost.delete(slot);
  if (slots.running.delete(slot)) slots.granted = Math.max(slots.running.size, slots.granted - 1);
}

/** Takes a slot, even without a concurrency limit, because a limit set later must count the functions already running. */
export function takeSlot(slots: Slots, { concurrency }: LimitsDocument, nowMs: number): number {
  slots.isLimited = concurrency !== undefined;
  slots.lastSlot += 1;
  slots.running.set(slots.lastSlot, nowMs);
  slots.peak = Math.max(slots.peak, slots.running.size);
  return slots.lastSlot;
}

/** Releases a slot after the end of its function was observed, and records the duration. */
export function endSlot(slots: Slots, limits: LimitsDocument, slot: number, nowMs: number): void {
  const startedAtMs = slots.running.get(slot);
  if (startedAtMs === undefined) return;
  const durationMs = Math.max(0, nowMs - startedAtMs);
  if (durationMs >= recentLongestMs(slots, nowMs)) {
    slots.longestMs = durationMs;
    slots.longestAtMs = nowMs;
  }
  slots.usualMs += (durationMs - slots.usualMs) * USUAL_PART;
  freeSlot(slots, limits, slot);
}

/** Releases a slot without recording a duration. */
export function freeSlot(slots: Slots, limits: LimitsDocument, slot: number): void {
  slots.lost.delete(slot);
  // Below `POOLED_CONCURRENCY`, return a free slot to the ledger at once, so that another isolate can take the slot.
  if (slots.running.delete(slot) && !isPooled(limits)) slots.granted = Math.max(slots.running.size, slots.granted - 1);
}

/** Marks a call as lost because it got no answer. The call keeps its slot for as long as its function may still run. */
export function loseSlot(slots: Slots, slot: number, nowMs: number): void {
  const startedAtMs = slots.running.get(slot);
  if (startedAtMs === undefined) return;
  slots.lost.set(slot, Math.max(nowMs + LOST_HOLD_MS, startedAtMs + recentLongestMs(slots, nowMs)));
}

const recentLongestMs = ({ longestMs, longestAtMs }: Slots, nowMs: number): number =>
  longestMs * Math.exp(-Math.max(0, nowMs - longestAtMs) / LONGEST_FADES_MS);

/** Gives up idle slots granted for calls that were then refused. Pooled slots stay. */
export function releaseIdle(slots: Slots, limits: LimitsDocument): void {
  if (!isPooled(limits)) slots.granted = Math.min(slots.granted, slots.running.size);
}

/** The fields of a lease request that concern slots, and the number of slots wanted. */
type SlotRequest = Pick<LeaseRequest, 'keepSlots' | 'lost' | 'slotFreeInMs'> & { readonly wanted: number };

/**
 * Decides how many slots to keep and how many more to ask for.
 *
 * @param waiting number of calls that wait for a slot.
 * @param ahead if true and slots are pooled, also keeps or asks for idle slots for later calls, based on peak concurrency.
 */
export function requestSlots(
  slots: Slots,
  limits: LimitsDocument,
  { waiting, ahead }: { readonly waiting: number; readonly ahead: boolean },
  nowMs: number,
): SlotRequest {
  dropUnseen(slots, limits, nowMs);
  const running = slots.running.size;
  const idle = ahead && isPooled(limits) ? Math.max(0, Math.ceil(slots.peak * HEADROOM) - running) : 0;
  // While the isolate waits for the response, it may fill the idle slots that it keeps.
  const keepSlots = Math.max(running, Math.min(slots.granted, running + idle));
  const wanted = waiting + Math.max(0, running + idle - keepSlots);
  slots.granted = keepSlots;
  slots.isLimited ||= limits.concurrency !== undefined;
  slots.atLedger = keepSlots + wanted;
  if (ahead) slots.peak = running;
  return { keepSlots, wanted, ...slotTimes(slots, limits, nowMs) };
}

/** Returns when slots become free: the known times for lost calls, and an estimate from recent durations for other calls. */
function slotTimes(
  { running, lost, usualMs }: Slots,
  limits: LimitsDocument,
  nowMs: number,
): Pick<SlotRequest, 'lost' | 'slotFreeInMs'> {
  if (limits.concurrency === undefined) return {};
  const longestMs = maxDurationMs(limits);
  const slotsBySecond = new Map<number, number>();
  let slotFreeInMs = Number.POSITIVE_INFINITY;
  for (const [slot, freesAtMs] of lost) {
    const startedAtMs = running.get(slot) ?? nowMs;
    const freeInMs = Math.max(0, Math.min(freesAtMs, startedAtMs + longestMs) - nowMs);
    slotFreeInMs = Math.min(slotFreeInMs, freeInMs);
    const seconds = Math.ceil(freeInMs / 1_000);
    slotsBySecond.set(seconds, (slotsBySecond.get(seconds) ?? 0) + 1);
  }
  for (const [slot, startedAtMs] of running) {
    if (lost.has(slot)) continue;
    slotFreeInMs = Math.min(slotFreeInMs, Math.max(0, startedAtMs + usualMs - nowMs));
    break; // the oldest function is likely to end first
  }
  const freed = [...slotsBySecond].map(([seconds, count]) => ({ slots: count, freeInMs: seconds * 1_000 }));
  // If no call is running, the first call to end will be a call that waits for this request.
  if (slotFreeInMs === Number.POSITIVE_INFINITY) slotFreeInMs = usualMs;
  return { ...(freed.length > 0 && { lost: freed }), slotFreeInMs };
}

/** Adds the slots that a response grants to the slots that its request kept. */
export function grantSlots(slots: Slots, kept: number, granted: number, requestedAtMs: number): void {
  slots.granted += granted;
  slots.isLimited ||= granted > 0;
  slots.atLedger = kept + granted;
  slots.endsAtMs = requestedAtMs + LEASE_MS;
}

/** Time (epoch ms) at which the isolate must report free slots to the ledger. 0: at once. Infinity: nothing to report. */
export function slotsDueAtMs({ granted, endsAtMs, atLedger, isLimited, running, lost }: Slots): number {
  if (isLimited && atLedger > Math.max(granted, running.size)) return 0;
  let dueAtMs = isLimited && atLedger > running.size ? endsAtMs : Number.POSITIVE_INFINITY;
  for (const freesAtMs of lost.values()) dueAtMs = Math.min(dueAtMs, freesAtMs);
  return dueAtMs;
}
