import * as z from 'zod';
import { INVOKE_LIMITS } from '../core/invoke/limits.ts';
import { PERIODS } from '../core/quota/calendar.ts';
import { DEFAULT_MAX_DURATION_SECONDS, DEFAULT_SERVE_SECONDS } from '../core/quota/limits.ts';

const MAX_COUNT = 1_000_000_000_000;

export const MaxPayloadBytes = z
  .int()
  .min(1)
  .max(INVOKE_LIMITS.maxSyncPayloadBytes)
  .meta({ description: 'The largest payload of a call, in bytes.' });

const Quota = z
  .strictObject({
    period: z.enum(PERIODS).meta({ description: 'The calendar period, in UTC. A week begins on Monday.' }),
    requests: z.int().min(1).max(MAX_COUNT).optional().meta({ description: 'The most calls to forward in a period.' }),
    payloadBytes: z
      .int()
      .min(1)
      .max(MAX_COUNT)
      .optional()
      .meta({ description: 'The most payload bytes to forward in a period.' }),
  })
  .refine(
    ({ requests, payloadBytes }) => requests !== undefined || payloadBytes !== undefined,
    'must limit requests, payloadBytes or both',
  )
  .meta({ id: 'Quota', description: 'The most calls and bytes in one period.' });

/** The limits of a tenant. */
export const Limits = z
  .strictObject({
    rate: z
      .strictObject({
        perSecond: z.number().min(0.001).max(1_000_000).meta({ description: 'Calls per second, on average.' }),
        burst: z.int().min(1).max(10_000_000).meta({ description: 'Calls that may come at once.' }),
      })
      .optional()
      .meta({
        description:
          'A token bucket. `perSecond` calls are added each second, up to `burst`; `perSecond` may be a fraction.',
      }),
    concurrency: z
      .int()
      .min(1)
      .max(100_000)
      .optional()
      .meta({ description: 'The most functions running at once, over all isolates.' }),
    maxDurationSeconds: z.int().min(1).max(DEFAULT_MAX_DURATION_SECONDS).optional().meta({
      description: 'Seconds until a call whose end was never observed releases its concurrency slot. Default 900.',
    }),
    maxPayloadBytes: MaxPayloadBytes.optional(),
    quotas: z
      .array(Quota)
      .max(PERIODS.length)
      .readonly()
      .optional()
      .meta({ description: 'At most one for each period.' }),
    onLimitsUnavailable: z
      .enum(['refuse', 'serve'])
      .optional()
      .meta({ description: 'What happens to calls while the limits cannot be checked. Default `refuse`.' }),
    serveSeconds: z
      .int()
      .min(1)
      .max(3_600)
      .optional()
      .meta({
        description: `With \`serve\`: the maximum number of seconds to serve calls uncounted. No call is served with a policy older than 5 seconds. Default ${DEFAULT_SERVE_SECONDS}.`,
      }),
  })
  .check(({ value, issues }) => {
    value.quotas?.forEach(({ period }, index) => {
      if (value.quotas?.findIndex((other) => other.period === period) === index) return;
      const message = 'is already limited by another entry: put requests and payloadBytes into one';
      issues.push({ code: 'custom', path: ['quotas', index, 'period'], message, input: value });
    });
    if (value.serveSeconds !== undefined && value.onLimitsUnavailable !== 'serve') {
      const message = "needs onLimitsUnavailable 'serve'";
      issues.push({ code: 'custom', path: ['serveSeconds'], message, input: value });
    }
  })
  .meta({
    id: 'Limits',
    description: 'What a tenant may use. A limit that is absent does not apply.',
    examples: [{ rate: { perSecond: 50, burst: 100 }, quotas: [{ period: 'day', requests: 10_000 }] }],
  });
