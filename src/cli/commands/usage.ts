import { type Command, Option } from 'commander';
import { USAGE_OPERATIONS } from '../../admin/usage/operations.ts';
import type { UsageResponse } from '../../admin/usage/schema.ts';
import { USAGE_STEPS } from '../../core/usage/steps.ts';
import { type OperatorFlags, withConnection } from '../operator/connection.ts';
import { findTenant } from '../operator/find-tenant.ts';
import { openOperator } from '../operator/open-operator.ts';
import { paint } from '../terminal/paint.ts';
import { layOut } from '../terminal/table.ts';

interface UsageFlags extends OperatorFlags {
  readonly from?: string;
  readonly to?: string;
  readonly step?: string;
}

/** Adds `postern usage`, which shows a tenant's usage and what is left of the tenant's limits. */
export function usageCommand(program: Command): void {
  withConnection(program.command('usage <tenant>'))
    .description('show what a tenant used, at most 2 seconds behind, and what is left of its limits')
    .option(
      '--from <when>',
      'a date, or a date and time with an offset; default: 60 minutes, 24 hours or 30 days before --to',
    )
    .option('--to <when>', 'the end, exclusive; default: now')
    .addOption(new Option('--step <step>', 'the length of a step; default: hour').choices(USAGE_STEPS))
    .option('--json', 'print JSON')
    .addHelpText(
      'after',
      `
Examples:
  $ postern usage Acme
  $ postern usage Acme --step day --from 2026-11-01 --to 2026-12-01
  $ postern usage Acme --step minute --json | jq '.totals.forwarded'`,
    )
    .action(usage);
}

async function usage(named: string, flags: UsageFlags): Promise<void> {
  const operator = await openOperator(flags);
  const { from, to, step } = flags;
  const query = {
    ...(from !== undefined && { from }),
    ...(to !== undefined && { to }),
    ...(step !== undefined && { step }),
  };
  const tenantId = await findTenant(operator, named);
  const { body } = await operator.call(USAGE_OPERATIONS.readUsage, { tenantId }, { query });
  console.log(flags.json ? JSON.stringify(body) : showUsage(body));
}

function showUsage({ from, to, step, totals, functions, series, limits }: UsageResponse): string {
  const section = (title: string, rows: readonly (readonly string[])[]) =>
    rows.length > 1 ? ['', paint('bold', title), layOut(rows)] : [];
  const refusals = Object.entries(totals.refused).sort(([, a], [, b]) => b - a);
  return [
    `${from} to ${to}, by ${step}`,
    '',
    layOut([
      ['calls', count(totals.calls)],
      ['forwarded', count(totals.forwarded)],
      ['refused', count(refusalsOf(totals))],
      ['function errors', count(totals.functionErrors)],
      ['throttled by Lambda', count(totals.throttled)],
      ['unproved attempts', count(totals.unproved)],
      ['unsettled', count(totals.unsettled)],
      ['payload bytes in', bytes(totals.bytesIn)],
      ['answer bytes out', bytes(totals.bytesOut)],
      ['mean duration', totals.forwarded > 0 ? `${Math.round(totals.durationMs / totals.forwarded)} ms` : '-'],
      ...(totals.metered > 0
        ? [['GB-seconds billed', `${totals.gbSeconds.toFixed(3)} (of ${totals.metered} calls)`]]
        : []),
    ]),
    ...section('Refusals', [['REASON', 'CALLS'], ...refusals.map(([reason, calls]) => [reason, count(calls)])]),
    ...section('Limits', [
      ['LIMIT', 'SIZE', 'LEFT', 'RESETS'],
      ...limits.map(({ limit, quota, remaining, resetsAt }) => [
        limit,
        amount(limit, quota),
        remaining <= 0 ? paint('red', amount(limit, 0)) : amount(limit, remaining),
        resetsAt ?? '-',
      ]),
    ]),
    ...section('Functions', [
      ['FUNCTION', ...HEADINGS],
      ...Object.entries(functions).map(([name, use]) => [name, ...cells(use)]),
    ]),
    ...section('Series', [['FROM', ...HEADINGS], ...series.map(({ at, ...use }) => [at, ...cells(use)])]),
  ].join('\n');
}

const HEADINGS = ['CALLS', 'FORWARDED', 'REFUSED', 'ERRORS', 'IN', 'OUT'];

const cells = (use: UsageResponse['totals']): string[] => [
  count(use.calls),
  count(use.forwarded),
  count(refusalsOf(use)),
  count(use.functionErrors),
  bytes(use.bytesIn),
  bytes(use.bytesOut),
];

const refusalsOf = ({ refused }: UsageResponse['totals']): number =>
  Object.values(refused).reduce((sum, n) => sum + n, 0);

const count = (n: number): string => n.toLocaleString('en-US', { maximumFractionDigits: 3 });

const amount = (limit: string, n: number): string => (limit.endsWith('-bytes') ? bytes(n) : count(n));

function bytes(n: number): string {
  const units = ['B', 'KiB', 'MiB', 'GiB'];
  const power = Math.min(units.length - 1, Math.floor(Math.log2(Math.max(1, n)) / 10));
  return power === 0 ? `${n} B` : `${(n / 1024 ** power).toFixed(1)} ${units[power]}`;
}
