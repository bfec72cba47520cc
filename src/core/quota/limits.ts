import { PERIODS, type Period } from './calendar.ts';

/** A calendar quota, by UTC. An absent field is not limited. */
export interface QuotaDocument {
  readonly period: Period;
  readonly requests?: number | undefined;
  /** Bytes of payloads that are forwarded. */
  readonly payloadBytes?: number | undefined;
}

/** A tenant's limits as the operator writes them. An absent limit is no limit. */
export interface LimitsDocument {
  /** A token bucket; `perSecond` may be a fraction. */
  readonly rate?: { readonly perSecond: number; readonly burst: number } | undefined;
  /** Functions that run at once, over all isolates. */
  readonly concurrency?: number | undefined;
  /** Seconds until a call whose end was never observed releases its slot. Default 900. */
  readonly maxDurationSeconds?: number | undefined;
  /** The largest payload. */
  readonly maxPayloadBytes?: number | undefined;
  /** At most one for each period. */
  readonly quotas?: readonly QuotaDocument[] | undefined;
  /** What happens to calls when the ledger cannot be reached and nothing is leased. Default `refuse`. */
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

/** Milliseconds that a lease lasts at most, from the moment at which the isolate asked for it. */
export const LEASE_MS = 1_000;
/** An isolate holds at most one 100th of what is left of a calendar quota, and at least one call. */
export const LEASE_SHARE = 100;
/** Up to this many waiting calls are leased however little is left: they are used at once. */
export const WAITING_SHARE = 8;
/** From this concurrency on, isolates keep idle slots. Below it, each call asks for its own. */
export const POOLED_CONCURRENCY = 32;
export const DEFAULT_MAX_DURATION_SECONDS = 900;
/**
 * A call that got no answer may still run. It holds its slot for this long after it was lost, or longer if recent calls
 * took longer, but never longer than `maxDurationSeconds` from its start.
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
