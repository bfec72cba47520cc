/** Upper bounds of the histogram of durations, in milliseconds; one more bucket is for all above. */
export const DURATION_BOUNDS_MS = [
  5, 10, 25, 50, 100, 250, 500, 1_000, 2_500, 5_000, 10_000, 30_000, 60_000, 300_000, 900_000,
] as const;

/** What a tenant used over some time. Everything in it adds up. */
export interface Usage {
  /** Calls with a valid key, signature or token of the tenant: forwarded or refused. */
  calls: number;
  /** Calls that were sent to Lambda. */
  forwarded: number;
  /** Attempts that named the tenant or one of its keys, without proof. No other figure includes them. */
  unproved: number;
  /** Refusals by reason. */
  refused: Record<string, number>;
  /** Calls that Lambda answered with an error of the function. */
  functionErrors: number;
  /** Calls that Lambda throttled: forwarded, and given back to the quotas. */
  throttled: number;
  /** Calls that were leased to an isolate which never said what became of them. They count as used. */
  unsettled: number;
  /** Calls served while the ledger could not be reached, because the tenant says `serve`. */
  servedUncounted: number;
  /** Bytes of payloads forwarded, and of answers passed back. */
  bytesIn: number;
  bytesOut: number;
  /** Requests that isolates made to the tenant's object. */
  ledgerCalls: number;
  /** From the first byte to the end of the answer, over all forwarded calls. */
  durationMs: number;
  /** How many of them took at most as long as each of `DURATION_BOUNDS_MS`, and longer than the one before. */
  durations: number[];
  /** Of calls whose REPORT line was seen: how many, milliseconds billed, and those times the function's MB. */
  metered: number;
  billedMs: number;
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

/** Adds one use to another. */
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
    } else into[name] = (into[name] ?? 0) + (from[name] ?? 0); // stored use may be older than the figure
  }
  return into;
}

/** The histogram of one call, in each bucket. */
const HISTOGRAMS = [...DURATION_BOUNDS_MS, 0].map((_, bucket) => [...new Array<number>(bucket).fill(0), 1]);

/** The histogram of one call. */
export function durationBucket(ms: number): number[] {
  const bound = DURATION_BOUNDS_MS.findIndex((boundMs) => ms <= boundMs);
  return HISTOGRAMS.at(bound) ?? [];
}

/** Use by function (callers choose names, `__proto__` among them); what is no function's is under the empty name. */
export type UsageByFunction = Map<string, Usage>;

/** Functions counted separately in a minute; limited, because a caller may be free to invent names. */
export const MAX_FUNCTIONS = 100;
export const OTHER_FUNCTIONS = '(other)';

/**
 * Adds use to that of its function, or of `(other)` if too many functions are already counted.
 *
 * @returns the name that it came to.
 */
export function addUsageOf(into: UsageByFunction, functionName: string, from: Partial<Usage>): string {
  const known = into.has(functionName) || functionName === '' || into.size < MAX_FUNCTIONS;
  const name = known ? functionName : OTHER_FUNCTIONS;
  into.set(name, addUsage(into.get(name) ?? emptyUsage(), from));
  return name;
}
