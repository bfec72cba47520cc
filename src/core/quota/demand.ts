import { LEASE_MS } from './limits.ts';

/** How many calls come to one isolate. Plain data; only the functions of this file change it. */
export interface Demand {
  /** Calls since the last request that looked ahead, and when that was. */
  arrived: number;
  arrivedBytes: number;
  countedSinceMs: number;
  /** Calls and bytes in a second, recently. */
  recentCalls: number;
  recentBytes: number;
}

/** More is asked for than the last second needed. */
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
 * Moves the calls that have arrived into the recent ones, which fade. So the first call of an isolate wants one call, and
 * not as many as would come if every second were like the last few milliseconds.
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
