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
  /** No more calls use this lease. The isolate reports it until the ledger acknowledges its end. */
  closed: boolean;
}

/** A lease without calls or bytes. */
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

/** True if a call with a payload of `size` bytes fits, now or once more of the lease's calls have become usable. */
export const isUsable = (
  { closed, endsAtMs, calls, usedCalls, bytes, usedBytes }: HeldLease,
  size: number,
  nowMs: number,
): boolean => !closed && nowMs < endsAtMs && usedCalls < calls && (bytes === undefined || usedBytes + size <= bytes);

/** Calls of the lease that may have been made by now: some at once, the others spread evenly over time. */
export function usableCalls({ calls, atOnce, spreadMs, askedAtMs }: HeldLease, nowMs: number): number {
  const passedMs = Math.max(0, nowMs - askedAtMs);
  return passedMs >= spreadMs ? calls : atOnce + ((calls - atOnce) * passedMs) / spreadMs;
}

/** Milliseconds between the moments at which two calls become usable. */
export const msPerCall = ({ calls, atOnce, spreadMs }: HeldLease): number =>
  Math.ceil(spreadMs / Math.max(1, calls - atOnce));
