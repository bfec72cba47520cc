import { PERIODS, type Period } from './calendar.ts';

/** A calendar quota, by UTC. Absent fields are not limited. */
export interface QuotaDocument {
  readonly period: Period;
  readonly requests?: number | undefined;
  /** Bytes of forwarded payloads. */
  readonly payloadBytes?: number | undefined;
}

/** A tenant's limits as the operator writes them. Absent: not limited. */
export interface LimitsDocument {
  /** A token bucket; `perSecond` may be a fraction. */
  readonly rate?: { readonly perSecond: number; readonly burst: number } | undefined;
  /** Functions that may run at once, over all isolates. */
  readonly concurrency?: number | undefined;
  /** Seconds until a call whose end was never observed releases its slot. Default 900. */
  readonly maxDurationSeconds?: number | undefined;
  /** The largest payload, in bytes. */
  readonly maxPayloadBytes?: number | undefined;
  /** At most one quota for each period. */
  readonly quotas?: readonly QuotaDocument[] | undefined;
  /** Refuse or serve calls when the ledger cannot be reached and no lease is left. Default `refuse`. */
  readonly onLimitsUnavailable?: 'refuse' | 'serve' | undefined;
  /** With `serve`: seconds for which calls are served and counted later. Default 4. */
  readonly serveSeconds?: number | undefined;
}

/** Every limit that can refuse a call, by its name in refusals, headers and usage. */
export const LIMIT_NAMES = [
  'rate',
  'concurrency',
  'day-requests',
  'week-requests',
  'month-requests',
  'day-bytes',
  'week-bytes',
  'month-bytes',
] as const;
export type LimitName = (typeof LIMIT_NAMES)[number];

/** Longest life of a lease in milliseconds, from the isolate's request. */
export const LEASE_MS = 1_000;
/** An isolate holds at most one 100th of what is left of a calendar quota, and at least one call. */
export const LEASE_SHARE = 100;
/** Up to this many waiting calls are leased, however little is left, because they are used at once. */
export const WAITING_SHARE = 8;
/** From this concurrency on, isolates keep idle slots. Below it, each call asks for its own. */
export const POOLED_CONCURRENCY = 32;
export const DEFAULT_MAX_DURATION_SECONDS = 900;
/**
 * A call that got no answer may still run. It holds its slot for this long after it was lost. If recent calls took longer,
 * it holds the slot longer, but never beyond `maxDurationSeconds` from its start.
 */
export const LOST_HOLD_MS = 10_000;
export const DEFAULT_SERVE_SECONDS = 4;

export const maxDurationMs = ({ maxDurationSeconds = DEFAULT_MAX_DURATION_SECONDS }: LimitsDocument): number =>
  maxDurationSeconds * 1_000;

/** True if any limit has to be counted. */
export const isCounted = ({ rate, concurrency, quotas }: LimitsDocument): boolean =>
  rate !== undefined || concurrency !== undefined || (quotas?.length ?? 0) > 0;

/** One calendar quota of one unit. */
export interface Quota {
  readonly limit: LimitName;
  readonly period: Period;
  readonly unit: 'calls' | 'bytes';
  readonly amount: number;
}

/** The calendar quotas that are set, the shortest period first. */
export function quotasOf({ quotas = [] }: LimitsDocument): Quota[] {
  return PERIODS.flatMap((period) =>
    quotas
      .filter((quota) => quota.period === period)
      .flatMap(({ requests, payloadBytes }): Quota[] => [
        ...(requests === undefined
          ? []
          : [{ limit: `${period}-requests` as const, period, unit: 'calls' as const, amount: requests }]),
        ...(payloadBytes === undefined
          ? []
          : [{ limit: `${period}-bytes` as const, period, unit: 'bytes' as const, amount: payloadBytes }]),
      ]),
  );
}
