import * as z from 'zod';
import { LIMIT_NAMES } from '../../core/quota/limits.ts';
import { USAGE_STEPS } from '../../core/usage/steps.ts';
import { Timestamp } from '../timestamp.ts';

const Moment = z.union([Timestamp, z.iso.date()], { error: 'must be a date, or a date and time with an offset' });

export const UsageQuery = z.object({
  from: Moment.optional().meta({
    description: 'The start. Default: 60 minutes, 24 hours or 30 days before `to`, by the step.',
  }),
  to: Moment.optional().meta({ description: 'The end, exclusive. Default: now.' }),
  step: z.enum(USAGE_STEPS).default('hour').meta({ description: 'The length of a step of `series`.' }),
});

const count = z.int();
const useMembers = {
  calls: count.meta({ description: 'Calls with a valid key or token of the tenant: forwarded or refused.' }),
  unproved: count.meta({
    description:
      'Attempts that named the tenant without a valid key, signature or token. No other count includes them.',
  }),
  forwarded: count.meta({ description: 'Calls sent to Lambda.' }),
  refused: z.record(z.string(), count).meta({ description: 'Refusals by their `x-postern-refusal`.' }),
  functionErrors: count.meta({ description: 'Forwarded calls that Lambda answered with an error of the function.' }),
  throttled: count.meta({
    description: 'Forwarded calls that Lambda throttled. They do not count against the quotas.',
  }),
  unsettled: count.meta({
    description: 'Calls leased to an isolate that never reported them. They count as used.',
  }),
  servedUncounted: count.meta({ description: 'Calls served while the ledger could not be reached.' }),
  bytesIn: count.meta({ description: 'Bytes of forwarded payloads.' }),
  bytesOut: count.meta({ description: 'Bytes of answers passed back.' }),
  ledgerCalls: count.meta({ description: "Requests to the tenant's ledger." }),
  durationMs: count.meta({
    description:
      'Milliseconds from the first byte of the call to the end of its answer, summed over the forwarded calls.',
  }),
  durations: z
    .array(
      z.strictObject({
        upToMs: z.int().nullable().meta({ description: 'The upper bound in milliseconds. Null: none.' }),
        calls: count.meta({ description: 'Calls within this bound, and above the one before.' }),
      }),
    )
    .meta({ description: 'A histogram of the durations. Empty buckets are left out.' }),
  metered: count.meta({ description: 'Calls whose REPORT line was seen. `billedMs` and `gbSeconds` are theirs.' }),
  billedMs: count.meta({ description: 'Milliseconds that Lambda billed.' }),
  gbSeconds: z.number().meta({ description: 'Gigabyte-seconds that Lambda billed.' }),
};

export const UsageResponse = z
  .strictObject({
    from: Timestamp.meta({ description: 'The start, rounded down to a step.' }),
    to: Timestamp.meta({ description: 'The end, exclusive.' }),
    step: z.enum(USAGE_STEPS).meta({ description: 'The length of a step of `series`.' }),
    totals: z.strictObject(useMembers).meta({ description: 'The sums over all steps.' }),
    functions: z.record(z.string(), z.strictObject(useMembers)).meta({
      description:
        'The totals of each function: its forwarded calls and, if a rule names the function, its refused calls.',
    }),
    series: z
      .array(z.strictObject({ at: Timestamp.meta({ description: 'The start of the step.' }), ...useMembers }))
      .meta({ description: 'The same by step, oldest first. Steps without usage are left out.' }),
    limits: z
      .array(
        z.strictObject({
          limit: z.enum(LIMIT_NAMES).meta({ description: 'The name of the limit.' }),
          quota: z.number().meta({ description: 'The value of the limit.' }),
          remaining: z.number().meta({ description: 'The part that is neither used nor leased.' }),
          resetsAt: Timestamp.nullable().meta({
            description: 'The time at which all of the limit is available again. Null: concurrency has no such time.',
          }),
        }),
      )
      .meta({ description: 'The state of each limit of the tenant, now.' }),
  })
  .meta({ id: 'Usage', description: 'The usage of a tenant in a window of time.' });
export type UsageResponse = z.output<typeof UsageResponse>;
