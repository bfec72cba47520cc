import { LEASE_MS } from './limits.ts';

/** The demand of one isolate: how many calls arrive there. Plain data; only the functions of this file change it. */
export interface Demand {
  /** Calls since demand was last counted, and the time of that count. */
  arrived: number;
  arrivedBytes: number;
  countedSinceMs: number;
  /** Recent calls and bytes per second. */
  recentCalls: number;
  recentBytes: number;
}

/** The isolate asks for this much more than recent calls needed. */
export const HEADROOM = 1.25;
const MAX_WANTED_CALLS = 100_000;

export const createDemand = (nowMs: number): Demand => ({
  arrived: 0,
  arrivedBytes: 0,
  countedSinceMs: nowMs,
  recentCalls: 0,
  recentBytes: 0,
});

/**
 * Adds the calls that have arrived to the recent ones, which fade. So after its first call an isolate expects one call, not
 * as many as if every second were like the last few milliseconds.
 */
export function countRecent(demand: Demand, nowMs: number): void {
  const seconds = Math.max(1, nowMs - demand.countedSinceMs) / LEASE_MS;
  const kept = Math.exp(-seconds);
  const added = (1 - kept) / seconds;
  demand.recentCalls = demand.recentCalls * kept + demand.arrived * added;
  demand.recentBytes = demand.recentBytes * kept + demand.arrivedBytes * added;
  demand.arrived = 0;
  demand.arrivedBytes = 0;
  demand.countedSinceMs = nowMs;
}

/** Calls to expect in the coming second, at least one. */
export const expectedCalls = ({ recentCalls }: Demand): number =>
  Math.min(MAX_WANTED_CALLS, Math.max(1, Math.floor(recentCalls * HEADROOM)));

/** Payload bytes to expect in the coming second. */
export const expectedBytes = ({ recentBytes }: Demand): number => Math.ceil(recentBytes * HEADROOM);
