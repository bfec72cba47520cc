import { PERIODS, type Period } from './calendar.ts';

/** A quota for each calendar period in UTC. An absent field means no limit. */
export interface QuotaDocument {
  readonly period: Period;
  readonly requests?: number | undefined;
  /** Bytes of forwarded payloads. */
  readonly payloadBytes?: number | undefined;
}

/** A tenant's limits, as the operator sets them. An absent field means no limit, unless the field has a default. */
export interface LimitsDocument {
  /** A token bucket. `perSecond` may be a fraction. */
  readonly rate?: { readonly perSecond: number; readonly burst: number } | undefined;
  /** Maximum number of functions that run at the same time, across all isolates. */
  readonly concurrency?: number | undefined;
  /** Seconds until a call whose end was never observed releases its slot. Default 900. */
  readonly maxDurationSeconds?: number | undefined;
  /** Maximum payload size in bytes. */
  readonly maxPayloadBytes?: number | undefined;
  /** At most one quota for each period. */
  readonly quotas?: readonly QuotaDocument[] | undefined;
  /** Refuse or serve calls when the ledger cannot be reached and no lease is left. Default `refuse`. */
  readonly onLimitsUnavailable?: 'refuse' | 'serve' | undefined;
  /** With `serve`: for this many seconds after the ledger fails, calls are served and counted later. Default 4. */
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

/** Maximum lifetime of a lease in milliseconds, measured from the isolate's request. */
export const LEASE_MS = 1_000;
/** An isolate may hold 1/100 of what a calendar quota has left, or one call, whichever is more. */
export const LEASE_SHARE = 100;
/** A lease may exceed the share above to cover up to this many waiting calls, because these calls use the lease at once. */
export const WAITING_SHARE = 8;
/** At this concurrency limit and above, isolates keep idle slots. Below this limit, each call asks for its own slot. */
export const POOLED_CONCURRENCY = 32;
export const DEFAULT_MAX_DURATION_SECONDS = 900;
/**
 * Milliseconds for which a call that got no answer keeps its slot, because its function may still run. The call keeps the
 * slot longer if recent calls took longer, but never beyond `maxDurationSeconds` after the start of the call.
 */
export const LOST_HOLD_MS = 10_000;
export const DEFAULT_SERVE_SECONDS = 4;

export const maxDurationMs = ({ maxDurationSeconds = DEFAULT_MAX_DURATION_SECONDS }: LimitsDocument): number =>
  maxDurationSeconds * 1_000;

/** True if the tenant has any limit that the ledger counts. */
export const isCounted = ({ rate, concurrency, quotas }: LimitsDocument): boolean =>
  rate !== undefined || concurrency !== undefined || (quotas?.length ?? 0) > 0;

/** One calendar quota in one unit: calls or bytes. */
export interface Quota {
  readonly limit: LimitName;
  readonly period: Period;
  readonly unit: 'calls' | 'bytes';
  readonly amount: number;
}

/** Returns the calendar quotas that are set, shortest period first. */
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
