import { LEASE_MS } from './limits.ts';

/** One isolate's demand: the calls and payload bytes that arrive there. Plain data that only `core/quota` changes. */
export interface Demand {
  /** Calls and payload bytes that arrived since `countedSinceMs`. */
  arrived: number;
  arrivedBytes: number;
  countedSinceMs: number;
  /** Recent demand, in calls and payload bytes per second. */
  recentCalls: number;
  recentBytes: number;
}

/** An isolate asks for its recent demand times this factor. */
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
 * Adds new arrivals to the recent demand, which decays over time. After its first call, an isolate therefore expects one
 * call per second. The isolate does not extrapolate from the last few milliseconds.
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

/** Number of calls expected in the coming second, with headroom. At least 1. */
export const expectedCalls = ({ recentCalls }: Demand): number =>
  Math.min(MAX_WANTED_CALLS, Math.max(1, Math.floor(recentCalls * HEADROOM)));

/** Number of payload bytes expected in the coming second, with headroom. */
export const expectedBytes = ({ recentBytes }: Demand): number => Math.ceil(recentBytes * HEADROOM);
