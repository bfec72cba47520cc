/** A lease that an isolate holds. */
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
  /** True if no further call may use this lease. The isolate reports the lease until the ledger acknowledges its end. */
  closed: boolean;
}

/** A lease of 0 calls, without a byte limit. */
export const emptyLease = (id: number, askedAtMs: number): HeldLease => ({
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

/** True if the lease has room for a call with a payload of `size` bytes, now or once more of its calls become usable. */
export const isUsable = (
  { closed, endsAtMs, calls, usedCalls, bytes, usedBytes }: HeldLease,
  size: number,
  nowMs: number,
): boolean => !closed && nowMs < endsAtMs && usedCalls < calls && (bytes === undefined || usedBytes + size <= bytes);

/**
 * Number of calls, used calls included, that the lease allows by now: `atOnce` from the start, the rest evenly over
 * `spreadMs`.
 */
export function usableCalls({ calls, atOnce, spreadMs, askedAtMs }: HeldLease, nowMs: number): number {
  const passedMs = Math.max(0, nowMs - askedAtMs);
  return passedMs >= spreadMs ? calls : atOnce + ((calls - atOnce) * passedMs) / spreadMs;
}

/** Interval in milliseconds at which further calls become usable. */
export const msPerCall = ({ calls, atOnce, spreadMs }: HeldLease): number =>
  Math.ceil(spreadMs / Math.max(1, calls - atOnce));
