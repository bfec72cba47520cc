import * as z from 'zod';
import { LIMIT_NAMES } from '../../core/quota/limits.ts';
import { USAGE_STEPS } from '../../core/usage/steps.ts';
import { Timestamp } from '../timestamp.ts';

const Moment = z.union([Timestamp, z.iso.date()], { error: 'must be a date, or a date and time with an offset' });

export const UsageQuery = z.object({
  from: Moment.optional().meta({ description: 'Absent: 60 minutes, 24 hours or 30 days before `to`, by the step.' }),
  to: Moment.optional().meta({ description: 'Not included. Absent: now.' }),
  step: z.enum(USAGE_STEPS).default('hour'),
});

const count = z.int();
const useMembers = {
  calls: count.meta({ description: 'Calls with a valid key or token of the tenant: forwarded or refused.' }),
  unproved: count.meta({
    description:
      'Attempts that named the tenant without a valid key, signature or token. No other figure includes them.',
  }),
  forwarded: count.meta({ description: 'Calls sent to Lambda.' }),
  refused: z.record(z.string(), count).meta({ description: 'Refusals, by their `x-postern-refusal`.' }),
  functionErrors: count,
  throttled: count.meta({ description: 'Forwarded, throttled by Lambda, and given back to the quotas.' }),
  unsettled: count.meta({
    description: 'Leased to an isolate that never said what became of them; they count as used.',
  }),
  servedUncounted: count.meta({ description: 'Served while the ledger could not be reached.' }),
  bytesIn: count,
  bytesOut: count,
  ledgerCalls: count.meta({ description: "Requests to the tenant's object." }),
  durationMs: count.meta({ description: 'From the first byte to the end of the answer, over all forwarded calls.' }),
  durations: z
    .array(z.strictObject({ upToMs: z.int().nullable(), calls: count }))
    .meta({ description: 'A histogram: calls by the smallest bound that they kept to; null: longer than all.' }),
  metered: count.meta({ description: 'Calls whose REPORT line was seen.' }),
  billedMs: count,
  gbSeconds: z.number(),
};

export const UsageResponse = z
  .strictObject({
    from: Timestamp,
    to: Timestamp,
    step: z.enum(USAGE_STEPS),
    totals: z.strictObject(useMembers),
    functions: z.record(z.string(), z.strictObject(useMembers)).meta({
      description:
        'By function, if it is known: forwarded calls, and refused calls to a function that some rule names.',
    }),
    series: z
      .array(z.strictObject({ at: Timestamp, ...useMembers }))
      .meta({ description: 'Steps without use are left out.' }),
    limits: z.array(
      z.strictObject({
        limit: z.enum(LIMIT_NAMES),
        quota: z.number(),
        remaining: z.number().meta({ description: 'Neither used nor leased.' }),
        resetsAt: Timestamp.nullable(),
      }),
    ),
  })
  .meta({ id: 'Usage' });
export type UsageResponse = z.output<typeof UsageResponse>;
