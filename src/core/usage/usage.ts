/** Upper bounds of the buckets of the duration histogram, in milliseconds. One more bucket holds all longer durations. */
export const DURATION_BOUNDS_MS = [
  5, 10, 25, 50, 100, 250, 500, 1_000, 2_500, 5_000, 10_000, 30_000, 60_000, 300_000, 900_000,
] as const;

/** A tenant's usage over a period of time. The figures of several periods can be added. */
export interface Usage {
  /** Calls with a valid key, signature or token of the tenant, whether forwarded or refused. */
  calls: number;
  /** Calls that were sent to Lambda. */
  forwarded: number;
  /** Attempts that named the tenant or one of its keys without proof. No other figure includes these attempts. */
  unproved: number;
  /** Refusals by reason. */
  refused: Record<string, number>;
  /** Calls that Lambda answered with a function error. */
  functionErrors: number;
  /** Forwarded calls that Lambda throttled. The quotas get these calls back. */
  throttled: number;
  /** Calls leased to an isolate that never reported their end. These calls count as used. */
  unsettled: number;
  /** Calls served while the ledger could not be reached, because the tenant is set to `serve`. */
  servedUncounted: number;
  /** Bytes of forwarded payloads. */
  bytesIn: number;
  /** Bytes of answers returned to callers. */
  bytesOut: number;
  /** Requests that isolates made to the tenant's object. */
  ledgerCalls: number;
  /** Milliseconds from the start of a call to the end of its answer, summed over all forwarded calls. */
  durationMs: number;
  /** Forwarded calls by duration. A bucket ends at its bound in `DURATION_BOUNDS_MS`, and includes that bound. */
  durations: number[];
  /** Calls whose REPORT line was read. */
  metered: number;
  /** Milliseconds billed for the metered calls. */
  billedMs: number;
  /** Billed milliseconds multiplied by the function's memory in MB, summed over the metered calls. */
  billedMbMs: number;
}

export const emptyUsage = (): Usage => ({
  calls: 0,
  forwarded: 0,
  unproved: 0,
  refused: {},
  functionErrors: 0,
  throttled: 0,
  unsettled: 0,
  servedUncounted: 0,
  bytesIn: 0,
  bytesOut: 0,
  ledgerCalls: 0,
  durationMs: 0,
  durations: [],
  metered: 0,
  billedMs: 0,
  billedMbMs: 0,
});

/** Adds `from` to `into`, and returns `into`. */
export function addUsage(into: Usage, from: Partial<Usage>): Usage {
  for (const name of Object.keys(from) as (keyof Usage)[]) {
    if (name === 'refused') {
      for (const [reason, count] of Object.entries(from.refused ?? {})) {
        into.refused[reason] = (into.refused[reason] ?? 0) + count;
      }
    } else if (name === 'durations') {
      from.durations?.forEach((count, bucket) => {
        while (into.durations.length <= bucket) into.durations.push(0);
        into.durations[bucket] = (into.durations[bucket] ?? 0) + count;
      });
    } else into[name] = (into[name] ?? 0) + (from[name] ?? 0); // stored usage may predate this figure
  }
  return into;
}

/** For each bucket, the histogram of one call in that bucket. */
const HISTOGRAMS = [...DURATION_BOUNDS_MS, 0].map((_, bucket) => [...new Array<number>(bucket).fill(0), 1]);

/** Returns the histogram of one call with this duration. */
export function durationBucket(ms: number): number[] {
  const bound = DURATION_BOUNDS_MS.findIndex((boundMs) => ms <= boundMs);
  return HISTOGRAMS.at(bound) ?? [];
}

/**
 * Usage by function name. A map, because callers choose names, even `__proto__`. Usage that belongs to no function is under
 * the empty name.
 */
export type UsageByFunction = Map<string, Usage>;

/** Maximum number of functions counted separately in one minute. Limited, because a caller may be free to invent names. */
export const MAX_FUNCTIONS = 100;
export const OTHER_FUNCTIONS = '(other)';

/**
 * Adds usage under the function's name, or under `(other)` if too many functions are already counted.
 *
 * @returns the name under which the usage was added.
 */
export function addUsageOf(into: UsageByFunction, functionName: string, from: Partial<Usage>): string {
  const known = into.has(functionName) || functionName === '' || into.size < MAX_FUNCTIONS;
  const name = known ? functionName : OTHER_FUNCTIONS;
  into.set(name, addUsage(into.get(name) ?? emptyUsage(), from));
  return name;
}
