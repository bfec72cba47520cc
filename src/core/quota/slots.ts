import { HEADROOM } from './demand.ts';
import type { LeaseRequest } from './lease-protocol.ts';
import { LEASE_MS, type LimitsDocument, LOST_HOLD_MS, maxDurationMs, POOLED_CONCURRENCY } from './limits.ts';

/** The slots of one isolate. Each slot runs one function at a time. Plain data; only the functions of this file change it. */
export interface Slots {
  /** Slots that the isolate may fill. Functions may start in them until `endsAtMs`. */
  granted: number;
  endsAtMs: number;
  /** The most slots that the ledger may count for this isolate. */
  atLedger: number;
  /** Slots are limited, so the isolate must report each free slot to the ledger. */
  isLimited: boolean;
  /** Running functions, by slot, with the time at which each started; the oldest first. */
  running: Map<number, number>;
  /** Of these, calls that got no answer, with the time at which each releases its slot. */
  lost: Map<number, number>;
  /** The longest of the recent calls, as of `longestAtMs`, and the usual duration. */
  longestMs: number;
  longestAtMs: number;
  usualMs: number;
  lastSlot: number;
  /** Peak concurrency since the last request. */
  peak: number;
}

/** Milliseconds after which the longest recent duration has faded to about a third. */
const LONGEST_FADES_MS = 600_000;
/** The weight of one call in the usual duration. */
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

/** Releases the slots of functions that can no longer be running though nobody observed their end, and of lost calls. */
function dropUnseen(slots: Slots, limits: LimitsDocument, nowMs: number): void {
  for (const [slot, freesAtMs] of slots.lost) if (nowMs >= freesAtMs) dropLost(slots, slot);
  const longestMs = maxDurationMs(limits);
  for (const [slot, startedAtMs] of slots.running) {
    if (nowMs < startedAtMs + longestMs) return; // all others started later
    if (slots.lost.has(slot)) dropLost(slots, slot);
    else slots.running.delete(slot);
  }
}

/** The ledger releases a lost call's slot by itself, so this isolate must not fill it again. */
function dropLost(slots: Slots, slot: number): void {
  slots.lost.delete(slot);
  if (slots.running.delete(slot)) slots.granted = Math.max(slots.running.size, slots.granted - 1);
}

/** Takes a slot, even without a concurrency limit: a limit set later must count the functions that already run. */
export function takeSlot(slots: Slots, { concurrency }: LimitsDocument, nowMs: number): number {
  slots.isLimited = concurrency !== undefined;
  slots.lastSlot += 1;
  slots.running.set(slots.lastSlot, nowMs);
  slots.peak = Math.max(slots.peak, slots.running.size);
  return slots.lastSlot;
}

/** Releases a slot because the end of its function was observed. */
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

/** Releases a slot in which no function ran. */
export function freeSlot(slots: Slots, limits: LimitsDocument, slot: number): void {
  slots.lost.delete(slot);
  // Below `POOLED_CONCURRENCY`, a free slot goes back at once, so that another isolate can take it.
  if (slots.running.delete(slot) && !isPooled(limits)) slots.granted = Math.max(slots.running.size, slots.granted - 1);
}

/** Keeps the slot of a call that got no answer for as long as its function may still run. */
export function loseSlot(slots: Slots, slot: number, nowMs: number): void {
  const startedAtMs = slots.running.get(slot);
  if (startedAtMs === undefined) return;
  slots.lost.set(slot, Math.max(nowMs + LOST_HOLD_MS, startedAtMs + recentLongestMs(slots, nowMs)));
}

const recentLongestMs = ({ longestMs, longestAtMs }: Slots, nowMs: number): number =>
  longestMs * Math.exp(-Math.max(0, nowMs - longestAtMs) / LONGEST_FADES_MS);

/** Gives up idle slots, because the calls that they were meant for were refused. */
export function releaseIdle(slots: Slots, limits: LimitsDocument): void {
  if (!isPooled(limits)) slots.granted = Math.min(slots.granted, slots.running.size);
}

/** The part of a lease request that is about slots. */
type SlotRequest = Pick<LeaseRequest, 'keepSlots' | 'lost' | 'slotFreeInMs'> & { readonly wanted: number };

/**
 * Decides how many slots to keep and how many more to ask for.
 *
 * @param waiting calls that wait for a slot.
 * @param ahead also asks for slots for calls to come, as many as ran at the peak.
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
  // The isolate may fill the idle slots that it keeps while it waits for the response.
  const keepSlots = Math.max(running, Math.min(slots.granted, running + idle));
  const wanted = waiting + Math.max(0, running + idle - keepSlots);
  slots.granted = keepSlots;
  slots.isLimited ||= limits.concurrency !== undefined;
  slots.atLedger = keepSlots + wanted;
  if (ahead) slots.peak = running;
  return { keepSlots, wanted, ...slotTimes(slots, limits, nowMs) };
}

/** When slots become free: those of lost calls at a known time, the others as recent calls suggest. */
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
    break; // the oldest is likely to end first
  }
  const freed = [...slotsBySecond].map(([seconds, count]) => ({ slots: count, freeInMs: seconds * 1_000 }));
  // If nothing runs yet, the first to end is the call that this request is for.
  if (slotFreeInMs === Number.POSITIVE_INFINITY) slotFreeInMs = usualMs;
  return { ...(freed.length > 0 && { lost: freed }), slotFreeInMs };
}

/** Adds the slots of a response to those that its request kept. */
export function grantSlots(slots: Slots, kept: number, granted: number, requestedAtMs: number): void {
  slots.granted += granted;
  slots.isLimited ||= granted > 0;
  slots.atLedger = kept + granted;
  slots.endsAtMs = requestedAtMs + LEASE_MS;
}

/** When the isolate must report free slots to the ledger. Infinity if there are none. */
export function slotsDueAtMs({ granted, endsAtMs, atLedger, isLimited, running, lost }: Slots): number {
  if (isLimited && atLedger > Math.max(granted, running.size)) return 0;
  let dueAtMs = isLimited && atLedger > running.size ? endsAtMs : Number.POSITIVE_INFINITY;
  for (const freesAtMs of lost.values()) dueAtMs = Math.min(dueAtMs, freesAtMs);
  return dueAtMs;
}
