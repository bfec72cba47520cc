import * as z from 'zod';
import { RULE_TYPES } from '../core/invoke/types.ts';
import { findPolicyFaults } from '../core/policy/find-policy-faults.ts';
import { MAX_PATTERN_LENGTH } from '../core/policy/pattern.ts';
import { MAX_PRESIGNED_SECONDS } from '../core/signature/claim.ts';
import { findRangeFault } from '../edge/address-ranges.ts';
import { MaxPayloadBytes } from './limits.ts';

const MAX_RULES = 100;
const MAX_QUALIFIERS = 100;
const MAX_PUBLISHED = 100;
const MAX_RANGES = 200;
const MAX_ORIGINS = 50;

const selector = {
  function: z
    .string()
    .min(1, 'must not be empty')
    .max(MAX_PATTERN_LENGTH)
    .meta({
      examples: ['orders-*'],
      description:
        "A function name with `*` as wildcard, or a full function ARN whose name may have wildcards. In `allow`, a name alone means functions of this account in the tenant's region. In `deny`, it means functions of that name in every account and region.",
    }),
  qualifiers: z
    .array(z.string())
    .min(1, 'must name at least one; leave it out to mean all')
    .max(MAX_QUALIFIERS)
    .readonly()
    .optional()
    .meta({
      examples: [['live']],
      description: 'Versions and aliases. `$LATEST` also matches a call without one. Absent: all.',
    }),
  types: z
    .array(z.enum(RULE_TYPES))
    .min(1, 'must name at least one; leave it out to mean all')
    .readonly()
    .optional()
    .meta({
      description:
        '`ResponseStream` is a streamed answer. A list without it does not allow (or deny) streams. Absent: all.',
    }),
};

const AllowRule = z
  .strictObject({
    ...selector,
    logTail: z
      .boolean()
      .optional()
      .meta({ description: 'Whether the caller may ask for the execution log. Default `false`.' }),
    clientContext: z
      .boolean()
      .optional()
      .meta({ description: 'Whether the caller may send a client context. Default `true`.' }),
    maxPayloadBytes: MaxPayloadBytes.optional(),
    tenantId: z.literal('caller').optional().meta({
      description: '`caller`: the caller may send X-Amz-Tenant-Id. Absent: a call with that header is refused.',
    }),
    durableNames: z.enum(['scoped', 'shared']).optional().meta({
      description:
        'Whether the caller may send X-Amz-Durable-Execution-Name. `scoped`: yes, and Postern makes the name unique to this tenant. `shared`: yes, and the name is sent as given, so a tenant that sends the same name and payload as another gets its result. Absent: such a call is refused.',
    }),
  })
  .meta({ id: 'AllowRule', description: 'A call is allowed if one rule allows all of it.' });

const DenyRule = z.strictObject(selector).meta({ id: 'DenyRule', description: 'Wins over every rule of `allow`.' });

/** A host as a browser writes it: a name or an address. */
const HOST = /^(\[[0-9a-f:.]+\]|[a-z0-9_-]+(\.[a-z0-9_-]+)*\.?)$/;

const Range = z.string().check(({ value, issues }) => {
  const message = findRangeFault(value);
  if (message !== undefined) issues.push({ code: 'custom', message, input: value });
});

const Origin = z
  .string()
  .refine(
    (text) => URL.canParse(text) && /^https?:/.test(text) && new URL(text).origin === text,
    'must be an origin as browsers send it, such as https://app.example.com, without a path',
  )
  .refine(
    (text) => !URL.canParse(text) || HOST.test(new URL(text).hostname),
    'can never match: a browser names one host, so wildcards do not work. List each origin',
  );

/** The functions that a tenant may call, and how. */
export const Policy = z
  .strictObject({
    allow: z.array(AllowRule).max(MAX_RULES).readonly().default([]).meta({ description: 'Rules that allow calls.' }),
    deny: z
      .array(DenyRule)
      .max(MAX_RULES)
      .readonly()
      .optional()
      .meta({ description: 'Rules that forbid calls, whatever `allow` says.' }),
    publish: z
      .record(z.string(), z.string())
      .refine((names) => Object.keys(names).length <= MAX_PUBLISHED, `must have at most ${MAX_PUBLISHED} names`)
      .optional()
      .meta({
        description:
          'Names that hide from callers where a function is, each with its target: a function name or a full ARN. Every answer to the tenant hides account ids and ARNs, except in payloads.',
        examples: [{ orders: 'arn:aws:lambda:eu-west-1:123456789012:function:orders-prod:live' }],
      }),
    publishedOnly: z
      .boolean()
      .optional()
      .meta({ description: '`true`: only published names may be called. Absent: `false`.' }),
    ipAllow: z
      .array(Range)
      .min(1, 'must name at least one range; leave it out to allow all')
      .max(MAX_RANGES)
      .readonly()
      .optional()
      .meta({ description: 'Address ranges (CIDR) that may call. Absent: all.', examples: [['203.0.113.0/24']] }),
    corsOrigins: z
      .array(Origin)
      .max(MAX_ORIGINS)
      .readonly()
      .optional()
      .meta({ description: 'Origins of web pages that may call. Absent: none.' }),
    maxPresignedSeconds: z
      .int()
      .min(1)
      .max(MAX_PRESIGNED_SECONDS)
      .optional()
      .meta({ description: 'The longest lifetime of a presigned request, in seconds. Default 604,800 (seven days).' }),
    contentTypes: z.enum(['strict', 'lenient']).optional().meta({
      description:
        "`strict`: a payload must have a JSON content type, or none. `lenient`: any content type is accepted, and the payload itself is checked to be JSON. Absent: the gateway's POSTERN_CONTENT_TYPES.",
    }),
    errorDetail: z.enum(['full', 'type']).optional().meta({
      description:
        "How much of a function's error is shown to callers. `type`: only its `errorType`, without message and stack trace (a log tail still shows what the function wrote). Absent: `full`.",
    }),
  })
  .check((context) => {
    for (const { path, problem } of findPolicyFaults(context.value)) {
      context.issues.push({ code: 'custom', path: [...path], message: problem, input: context.value });
    }
  })
  .meta({ id: 'Policy', description: 'What a tenant may call. Without a rule in `allow`: nothing.' });
