import { type Command, InvalidArgumentError, Option } from 'commander';
import { PERIODS } from '../../core/quota/calendar.ts';

/** The fields of a tenant that options can set. The other fields need a file. */
export interface TenantFlags {
  readonly name?: string;
  readonly allow?: readonly string[];
  readonly region?: string;
  /** Default burst: the tenant's current burst, otherwise 1 second of calls, rounded up. */
  readonly rate?: { readonly perSecond: number; readonly burst?: number };
  readonly concurrency?: number;
  readonly maxPayloadBytes?: number;
  readonly quota?: readonly { readonly period: string; readonly requests: number }[];
}

/** Adds the options that describe a tenant to a command. */
export const withTenantOptions = (command: Command): Command =>
  command
    .option('--name <name>', 'the name of the tenant')
    .option(
      '--allow <pattern...>',
      'all the functions that it may call: names, with * as a wildcard, or full ARNs; a rule with the same pattern keeps its other fields',
    )
    .option('--region <region>', 'the region of its functions')
    .option('--rate <perSecond[:burst]>', 'calls per second, and the burst allowed at once', parseRate)
    .option('--concurrency <n>', 'the most functions running at once', parseCount)
    .option('--max-payload-bytes <n>', 'the largest payload allowed', parseCount)
    .addOption(
      new Option(
        '--quota <period=requests...>',
        `calls allowed in a period: ${PERIODS.join(', ')} (UTC); quotas of other periods stay`,
      ).argParser(collectQuota),
    );

/** The current values of the tenant's fields that a patch may need to copy. */
export interface Present {
  readonly policy?: { readonly allow?: readonly Rule[] } | undefined;
  readonly limits?:
    | { readonly rate?: { readonly burst?: number } | null; readonly quotas?: readonly Quota[] | null }
    | undefined;
}
type Rule = { readonly function: string; readonly [field: string]: unknown };
type Quota = { readonly period: string; readonly [field: string]: unknown };

/**
 * Builds a merge patch that has only the members that the options set. A patch replaces a whole list or rate, so the patch
 * copies from the tenant any part that the options do not set: other fields of a rule or quota, quotas of other periods,
 * the burst.
 */
export function tenantPatch(flags: TenantFlags, present: Present = {}): Record<string, unknown> {
  const { name, allow, region, rate, concurrency, maxPayloadBytes, quota } = flags;
  const rules = present.policy?.allow ?? [];
  const rulesOf = (pattern: string): readonly Rule[] => {
    const kept = rules.filter((rule) => rule.function === pattern);
    return kept.length > 0 ? kept : [{ function: pattern }];
  };
  const limits = {
    ...(rate && { rate: { ...rate, burst: rate.burst ?? burstFor(rate.perSecond, present.limits?.rate?.burst) } }),
    ...(concurrency !== undefined && { concurrency }),
    ...(maxPayloadBytes !== undefined && { maxPayloadBytes }),
    ...(quota && { quotas: mergeQuotas(present.limits?.quotas ?? [], quota) }),
  };
  return {
    ...(name !== undefined && { name }),
    ...(allow && { policy: { allow: allow.flatMap(rulesOf) } }),
    ...(region !== undefined && { upstream: { region } }),
    ...(Object.keys(limits).length > 0 && { limits }),
  };
}

const burstFor = (perSecond: number, before: number | undefined): number => before ?? Math.max(1, Math.ceil(perSecond));

/** Merges the options' quotas into the tenant's quotas. Keeps quotas of other periods and other fields of a quota. */
function mergeQuotas(before: readonly Quota[], said: readonly Quota[]): Quota[] {
  const periods = new Set([...before, ...said].map(({ period }) => period));
  return [...periods].map((period) => ({
    period,
    ...before.find((quota) => quota.period === period),
    ...said.find((quota) => quota.period === period),
  }));
}

/** Parses a whole number. */
export function parseCount(text: string): number {
  if (!/^\d{1,15}$/.test(text)) throw new InvalidArgumentError('must be a whole number');
  return Number(text);
}

function parseRate(text: string): { perSecond: number; burst?: number } {
  const match = /^(\d{1,9}(?:\.\d{1,6})?)(?::(\d{1,9}))?$/.exec(text);
  if (!match) throw new InvalidArgumentError('must be a rate such as 50, 50:100 or 0.5:1');
  const perSecond = Number(match[1]);
  return { perSecond, ...(match[2] !== undefined && { burst: Number(match[2]) }) };
}

function collectQuota(text: string, before: TenantFlags['quota'] = []): NonNullable<TenantFlags['quota']> {
  const match = /^([a-z]+)=(\d{1,15})$/.exec(text);
  if (!match?.[1]) throw new InvalidArgumentError('must be a quota such as day=10000');
  return [...before, { period: match[1], requests: Number(match[2]) }];
}
