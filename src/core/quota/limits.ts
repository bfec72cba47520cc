import { PERIODS, type Period } from './calendar.ts';

/** A calendar quota, by UTC. What is left out is not limited. */
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
  /** How long a call whose end was not seen holds its place among the concurrent ones; absent: 900. */
  readonly maxDurationSeconds?: number | undefined;
  /** The largest payload. */
  readonly maxPayloadBytes?: number | undefined;
  /** At most one for each period. */
  readonly quotas?: readonly QuotaDocument[] | undefined;
  /** What becomes of calls when the ledger cannot be reached and nothing is leased; absent: `refuse`. */
  readonly onLimitsUnavailable?: 'refuse' | 'serve' | undefined;
  /** With `serve`: seconds for which calls are served uncounted, to be counted later; absent: 4. */
  readonly serveSeconds?: number | undefined;
}

/** Every limit that can say no, as it is called in refusals, headers and use. */
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

/** A lease lasts so long from the moment that the isolate asked for it. */
export const LEASE_MS = 1_000;
/** An isolate holds at most 1 in so many of what is left of a calendar quota, and at least 1. */
export const LEASE_SHARE = 100;
/** Of calls that wait so many are leased, however little is left: they are used on arrival. */
export const WAITING_SHARE = 8;
/** From this concurrency on, places are leased to isolates; below, each call asks for its own. */
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

/** Whether anything is limited that has to be counted. */
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
