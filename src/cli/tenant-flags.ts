import { type Command, InvalidArgumentError, Option } from 'commander';
import { PERIODS } from '../core/quota/calendar.ts';

/** What of a tenant can be said by options; all else is said in a file. */
export interface TenantFlags {
  readonly name?: string;
  readonly allow?: readonly string[];
  readonly region?: string;
  readonly rate?: { readonly perSecond: number; readonly burst: number };
  readonly concurrency?: number;
  readonly maxPayloadBytes?: number;
  readonly quota?: readonly { readonly period: string; readonly requests: number }[];
}

/** Gives a command the options that describe a tenant. */
export const withTenantOptions = (command: Command): Command =>
  command
    .option('--name <name>', 'what the tenant is called')
    .option('--allow <pattern...>', 'functions that it may call, in every way: names with * as wildcard, or full ARNs')
    .option('--region <region>', 'where its functions are')
    .option('--rate <perSecond[:burst]>', 'calls a second, and at once', parseRate)
    .option('--concurrency <n>', 'functions that run at once', parseCount)
    .option('--max-payload-bytes <n>', 'the largest payload', parseCount)
    .addOption(
      new Option('--quota <period=requests...>', `calls in a period: ${PERIODS.join(', ')} (UTC)`).argParser(
        collectQuota,
      ),
    );

/** The merge patch that the options make; members that no option speaks of are not in it. */
export function tenantPatch(flags: TenantFlags): Record<string, unknown> {
  const { name, allow, region, rate, concurrency, maxPayloadBytes, quota } = flags;
  const limits = {
    ...(rate && { rate }),
    ...(concurrency !== undefined && { concurrency }),
    ...(maxPayloadBytes !== undefined && { maxPayloadBytes }),
    ...(quota && { quotas: quota }),
  };
  return {
    ...(name !== undefined && { name }),
    ...(allow && { policy: { allow: allow.map((pattern) => ({ function: pattern })) } }),
    ...(region !== undefined && { upstream: { region } }),
    ...(Object.keys(limits).length > 0 && { limits }),
  };
}

/** Parses a whole number. */
export function parseCount(text: string): number {
  if (!/^\d{1,15}$/.test(text)) throw new InvalidArgumentError('must be a whole number');
  return Number(text);
}

/** A burst that is not said is a second's worth. */
function parseRate(text: string): { perSecond: number; burst: number } {
  const match = /^(\d{1,9}(?:\.\d{1,6})?)(?::(\d{1,9}))?$/.exec(text);
  if (!match) throw new InvalidArgumentError('must be as 50 or 50:100 or 0.5:1');
  const perSecond = Number(match[1]);
  return { perSecond, burst: match[2] === undefined ? Math.max(1, Math.ceil(perSecond)) : Number(match[2]) };
}

function collectQuota(text: string, before: TenantFlags['quota'] = []): NonNullable<TenantFlags['quota']> {
  const match = /^([a-z]+)=(\d{1,15})$/.exec(text);
  if (!match?.[1]) throw new InvalidArgumentError('must be as day=10000');
  return [...before, { period: match[1], requests: Number(match[2]) }];
}
