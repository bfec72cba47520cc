import { DURATION_BOUNDS_MS, type Usage } from '../../core/usage/usage.ts';
import { readUsage } from '../../operator/usage.ts';
import { answerWith, type Handlers } from '../handler.ts';
import { toIso } from '../timestamp.ts';
import type { USAGE_OPERATIONS } from './operations.ts';

const MB_MS_PER_GB_SECOND = 1_024 * 1_000;

const showUsage = ({ durations, billedMbMs, ...usage }: Usage) => ({
  ...usage,
  durationMs: Math.round(usage.durationMs),
  durations: durations.flatMap((calls, bucket) =>
    calls > 0 ? [{ upToMs: DURATION_BOUNDS_MS[bucket] ?? null, calls }] : [],
  ),
  gbSeconds: billedMbMs / MB_MS_PER_GB_SECOND,
});

export const usage: Handlers<typeof USAGE_OPERATIONS> = {
  readUsage: async (ports, { admin, params, query: { step, from, to } }) => {
    const window = {
      step,
      ...(from !== undefined && { fromMs: Date.parse(from) }),
      ...(to !== undefined && { toMs: Date.parse(to) }),
    };
    return answerWith(await readUsage(ports, admin, params.tenantId, window), (read) => ({
      from: toIso(read.fromMs),
      to: toIso(read.toMs),
      step,
      totals: showUsage(read.totals),
      functions: Object.fromEntries([...read.functions].map(([name, used]) => [name, showUsage(used)])),
      series: [...read.series].map(([atMs, used]) => ({ at: toIso(atMs), ...showUsage(used) })),
      limits: read.limits.map(({ limit, quota, remaining, resetMs }) => ({
        limit,
        quota,
        remaining,
        resetsAt: resetMs === undefined ? null : toIso(read.atMs + resetMs),
      })),
    }));
  },
};
