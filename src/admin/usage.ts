import type * as z from 'zod';
import { StateError } from '../core/tenancy/state-error.ts';
import type { UsageStep } from '../core/usage/steps.ts';
import { addUsage, DURATION_BOUNDS_MS, emptyUsage, type Usage } from '../core/usage/usage.ts';
import { KEPT_MS, STEP_MS } from '../state/tenant/usage-store.ts';
import type { AdminPorts } from './app.ts';
import { invalidBody, ProblemError } from './problem.ts';
import type { UsageQuery, UsageResponse } from './schema.ts';
import type { createTenantDesk } from './tenants.ts';

const DEFAULT_STEPS: Readonly<Record<UsageStep, number>> = { minute: 60, hour: 24, day: 30 };
const MAX_SERIES = 3_000;
const MB_MS_PER_GB_SECOND = 1_024 * 1_000;

/** What the admin API tells of use. */
export function createUsageDesk(
  { objects }: AdminPorts,
  tenants: Pick<ReturnType<typeof createTenantDesk>, 'verify' | 'missing'>,
) {
  return {
    async read(tenant: string, query: z.output<typeof UsageQuery>): Promise<z.input<typeof UsageResponse>> {
      const tenantId = tenants.verify(tenant);
      const { step } = query;
      const nowMs = Date.now();
      // Both ends lie at the edge of a step: use is not kept any finer.
      const toMs = query.to === undefined ? nowMs + 1 : Math.ceil(Date.parse(query.to) / STEP_MS[step]) * STEP_MS[step];
      const defaultFromMs = Math.min(toMs, nowMs) - (DEFAULT_STEPS[step] - 1) * STEP_MS[step];
      const asked = query.from === undefined ? defaultFromMs : Date.parse(query.from);
      const fromMs = Math.floor(asked / STEP_MS[step]) * STEP_MS[step];
      const fault = findFault(step, fromMs, toMs, nowMs);
      if (fault) throw new ProblemError(invalidBody([fault]));

      const readUsage = (writes: boolean) => objects.tenant(tenantId, (stub) => stub.usage(step, fromMs, toMs, writes));
      const report = await readUsage(true).catch((error: unknown) => {
        if (error instanceof StateError && error.failure === 'full') return readUsage(false);
        throw error;
      });
      if (!report) throw await tenants.missing(tenantId);
      const { steps, functions, unsettledNow, standings, atMs } = report;
      const totals = emptyUsage();
      const series = new Map<number, Usage>();
      const add = (at: number, use: Partial<Usage>) => {
        addUsage(totals, use);
        series.set(at, addUsage(series.get(at) ?? emptyUsage(), use));
      };
      for (const { atMs: at, use } of steps) add(at, use);
      functions.delete('');
      if (unsettledNow > 0 && fromMs <= atMs && (query.to === undefined || atMs < toMs)) {
        add(Math.floor(atMs / STEP_MS[step]) * STEP_MS[step], { unsettled: unsettledNow });
      }
      return {
        from: iso(fromMs),
        to: iso(toMs),
        step,
        totals: show(totals),
        functions: Object.fromEntries([...functions].map(([name, use]) => [name, show(use)])),
        series: [...series].map(([at, use]) => ({ at: iso(at), ...show(use) })),
        limits: standings.map(({ limit, quota, remaining, resetMs }) => ({
          limit,
          quota,
          remaining,
          resetsAt: resetMs === undefined ? null : iso(atMs + resetMs),
        })),
      };
    },
  };
}

const iso = (ms: number) => new Date(ms).toISOString();

function findFault(step: UsageStep, fromMs: number, toMs: number, nowMs: number) {
  if (fromMs >= toMs) return { pointer: 'from', detail: "must be before 'to'" };
  if (fromMs < nowMs - KEPT_MS[step] - STEP_MS[step]) {
    const days = KEPT_MS[step] / STEP_MS.day;
    const coarser = step === 'minute' ? '; ask for a coarser step' : '';
    return { pointer: 'from', detail: `use by the ${step} is kept for ${days} days${coarser}` };
  }
  if ((toMs - fromMs) / STEP_MS[step] > MAX_SERIES) {
    return { pointer: 'to', detail: `must be within ${MAX_SERIES} steps of 'from'` };
  }
  return undefined;
}

/** Use in the words of the API. */
function show({ durations, billedMbMs, ...use }: Usage) {
  return {
    ...use,
    durationMs: Math.round(use.durationMs),
    durations: durations.flatMap((calls, bucket) =>
      calls > 0 ? [{ upToMs: DURATION_BOUNDS_MS[bucket] ?? null, calls }] : [],
    ),
    gbSeconds: billedMbMs / MB_MS_PER_GB_SECOND,
  };
}
