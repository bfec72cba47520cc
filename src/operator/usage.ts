import type { LimitStatus } from '../core/quota/lease-protocol.ts';
import { err, ok, type Result } from '../core/result.ts';
import { StateError } from '../core/tenancy/state-error.ts';
import type { UsageStep } from '../core/usage/steps.ts';
import { addUsage, emptyUsage, type Usage, type UsageByFunction } from '../core/usage/usage.ts';
import type { FieldFault } from '../document/field-faults.ts';
import { KEPT_MS, STEP_MS } from '../state/tenant/usage-store.ts';
import type { Failure } from './failure.ts';
import { notFoundIn, verifyTenant } from './find-tenant.ts';
import { reading } from './operation.ts';

const DEFAULT_STEPS: Readonly<Record<UsageStep, number>> = { minute: 60, hour: 24, day: 30 };
const MAX_SERIES = 3_000;

/** The window to read, in epoch milliseconds. Default `toMs` now, `fromMs` 60 minutes, 24 hours or 30 days before `toMs`. */
export interface UsageWindow {
  readonly step: UsageStep;
  readonly fromMs?: number | undefined;
  readonly toMs?: number | undefined;
}

/** A tenant's usage in a window, and what is left of the tenant's limits. Times are in epoch milliseconds. */
export interface TenantUsage {
  readonly fromMs: number;
  readonly toMs: number;
  readonly totals: Usage;
  readonly functions: UsageByFunction;
  /** Usage keyed by the start of each step, oldest first. Steps without usage are left out. */
  readonly series: ReadonlyMap<number, Usage>;
  readonly limits: readonly LimitStatus[];
  /** The time at which `limits` was read. */
  readonly atMs: number;
}

/** Reads a tenant's usage. The figures lag by at most 2 seconds. */
export const readUsage = reading(
  async (ports, _admin, tenant: string, asked: UsageWindow): Promise<Result<TenantUsage, Failure>> => {
    const id = await verifyTenant(ports, tenant);
    if (!id.ok) return id;
    const { step } = asked;
    const { fromMs, toMs, fault } = alignWindow(asked, ports.now());
    if (fault) return err({ kind: 'invalid', faults: [fault] });

    const read = (writes: boolean) =>
      ports.objects.tenant(id.value, async (stub) => await stub.usage(step, fromMs, toMs, writes));
    const report = await read(true).catch((error: unknown) => {
      if (error instanceof StateError && error.failure === 'full') return read(false);
      throw error;
    });
    if (!report) return notFoundIn(ports, id.value, 'tenant');
    const { steps, functions, unsettledNow, standings, atMs } = report;
    const totals = emptyUsage();
    const series = new Map<number, Usage>();
    const add = (at: number, usage: Partial<Usage>) => {
      addUsage(totals, usage);
      series.set(at, addUsage(series.get(at) ?? emptyUsage(), usage));
    };
    for (const { atMs: at, use } of steps) add(at, use);
    functions.delete('');
    if (unsettledNow > 0 && fromMs <= atMs && (asked.toMs === undefined || atMs < toMs)) {
      add(Math.floor(atMs / STEP_MS[step]) * STEP_MS[step], { unsettled: unsettledNow });
    }
    return ok({ fromMs, toMs, totals, functions, series, limits: standings, atMs });
  },
);

/** Widens a window to whole steps, because usage is stored per step, and then checks the window. */
function alignWindow({ step, fromMs: from, toMs: to }: UsageWindow, nowMs: number) {
  const stepMs = STEP_MS[step];
  const toMs = to === undefined ? nowMs + 1 : Math.ceil(to / stepMs) * stepMs;
  const fromMs = Math.floor((from ?? Math.min(toMs, nowMs) - (DEFAULT_STEPS[step] - 1) * stepMs) / stepMs) * stepMs;
  return { fromMs, toMs, fault: findFault(step, fromMs, toMs, nowMs) };
}

function findFault(step: UsageStep, fromMs: number, toMs: number, nowMs: number): FieldFault | undefined {
  if (fromMs >= toMs) return { pointer: 'from', detail: "must be before 'to'" };
  if (fromMs < nowMs - KEPT_MS[step] - STEP_MS[step]) {
    const days = KEPT_MS[step] / STEP_MS.day;
    const coarser = step === 'minute' ? '; ask for a coarser step' : '';
    return { pointer: 'from', detail: `usage by the ${step} is kept for ${days} days${coarser}` };
  }
  if ((toMs - fromMs) / STEP_MS[step] > MAX_SERIES) {
    return { pointer: 'to', detail: `must be within ${MAX_SERIES} steps of 'from'` };
  }
  return undefined;
}
