import * as z from 'zod';
import { ADMIN_ACCESSES } from '../core/identity/admin-tokens.ts';
import { MAX_CLAIM_LENGTH } from '../core/identity/issuers.ts';
import { INVOKE_LIMITS } from '../core/invoke/limits.ts';
import { partitionOf } from '../core/invoke/region.ts';
import { INVOCATION_TYPES, LOG_TYPES, RULE_TYPES } from '../core/invoke/types.ts';
import { findPolicyFaults } from '../core/policy/find-policy-faults.ts';
import { MAX_PATTERN_LENGTH } from '../core/policy/pattern.ts';
import { PERIODS } from '../core/quota/calendar.ts';
import { DEFAULT_MAX_DURATION_SECONDS, DEFAULT_SERVE_SECONDS, LIMIT_NAMES } from '../core/quota/limits.ts';
import { MAX_PRESIGNED_SECONDS } from '../core/signature/claim.ts';
import type { TenantDocument } from '../core/tenancy/tenant.ts';
import { STEPS } from '../core/usage/steps.ts';
import { patchOf } from '../document/patch-shape.ts';
import { findRangeFault } from '../edge/address-ranges.ts';
import { isLoopback } from '../edge/plain-http.ts';
import { ADMIN_TOKEN_NAME, NAME, NAME_LENGTH, nameOf, OPTIONAL_NAME } from './names.ts';
import { PROBLEM_REASONS } from './problem.ts';

const MAX_RULES = 100;
const MAX_QUALIFIERS = 100;
const MAX_PUBLISHED = 100;
const MAX_RANGES = 200;
const MAX_ORIGINS = 50;
const MAX_ISSUERS = 10;
const MAX_ISSUER_LENGTH = 512;
const MAX_CLAIMS = 10;
const MAX_VALUES = 50;
const MAX_GRACE_SECONDS = 30 * 86_400;
/** How long a rotated key goes on working where nothing else is said. */
export const DEFAULT_GRACE_SECONDS = 3_600;
const MAX_COUNT = 1_000_000_000_000;

/** OpenID Connect Core 1.0, 2: https, with no query or fragment. Plain HTTP only within a machine. */
const isIssuerUrl = (text: string): boolean =>
  /^https?:\/\/[^\s?#@]+$/.test(text) && URL.canParse(text) && (text.startsWith('https:') || isLoopback(text));

const Name = nameOf(NAME, 'must not be empty or contain control or format characters').meta({ examples: ['Acme'] });

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
      description: 'Versions and aliases; `$LATEST` also matches a call that names none. Absent: all.',
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

const MaxPayloadBytes = z.int().min(1).max(INVOKE_LIMITS.maxSyncPayloadBytes);

const AllowRule = z
  .strictObject({
    ...selector,
    logTail: z.boolean().optional().meta({ description: 'May ask for the execution log. Absent: no.' }),
    clientContext: z.boolean().optional().meta({ description: 'May send a client context. Absent: yes.' }),
    maxPayloadBytes: MaxPayloadBytes.optional(),
    tenantId: z
      .literal('caller')
      .optional()
      .meta({ description: '`caller`: may choose X-Amz-Tenant-Id. Absent: a call that does is refused.' }),
    durableNames: z.enum(['scoped', 'shared']).optional().meta({
      description:
        'Whether the caller may send X-Amz-Durable-Execution-Name. `scoped`: yes, and Postern makes the name unique to this tenant. `shared`: yes, and the name is sent as given, so a tenant that sends the same name and payload as another gets its result. Absent: such a call is refused.',
    }),
  })
  .meta({ id: 'AllowRule' });

const DenyRule = z.strictObject(selector).meta({ id: 'DenyRule', description: 'Wins over every rule of `allow`.' });

/** A host's name as a browser writes it, or an address. */
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

const Policy = z
  .strictObject({
    allow: z.array(AllowRule).max(MAX_RULES).readonly().default([]),
    deny: z.array(DenyRule).max(MAX_RULES).readonly().optional(),
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
      .meta({ description: 'Addresses that calls may come from. Absent: all.', examples: [['203.0.113.0/24']] }),
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
      .meta({ description: 'Seconds that a presigned request may live at the most. Absent: seven days.' }),
    contentTypes: z.enum(['strict', 'lenient']).optional().meta({
      description:
        "`strict`: a payload must have a JSON content type, or none. `lenient`: any content type is accepted, and the payload itself is checked to be JSON. Absent: the gateway's POSTERN_CONTENT_TYPES.",
    }),
    errorDetail: z.enum(['full', 'type']).optional().meta({
      description:
        "How much of a function's error callers see. `type`: only its `errorType`, without message and stack trace (a log tail still shows what the function wrote). Absent: `full`.",
    }),
  })
  .check((context) => {
    for (const { path, problem } of findPolicyFaults(context.value)) {
      context.issues.push({ code: 'custom', path: [...path], message: problem, input: context.value });
    }
  })
  .meta({ id: 'Policy', description: 'What a tenant may call. Without a rule: nothing.' });

const Upstream = z
  .strictObject({
    destination: z.literal('default').optional(),
    region: z
      .string()
      .refine((region) => partitionOf(region) !== undefined, 'must be an AWS region, such as eu-west-1')
      .optional()
      .meta({ examples: ['eu-west-1'], description: "Absent: the gateway's own." }),
    tenantId: z
      .string()
      .regex(/^[a-zA-Z0-9._:/=+\-@ ]{1,256}$/, 'must be 1 to 256 letters, digits, spaces and . _ : / = + - @')
      .optional()
      .meta({ description: "Sent as X-Amz-Tenant-Id on every call; wins over the caller's." }),
  })
  .meta({ id: 'Upstream' });

const Claim = z
  .string()
  .min(1, 'must not be empty')
  .max(MAX_CLAIM_LENGTH)
  .meta({ description: 'A value, with `*` for any run of characters.' });

const Issuer = z
  .strictObject({
    issuer: z
      .string()
      .max(MAX_ISSUER_LENGTH)
      .refine(
        isIssuerUrl,
        "must be the issuer's https URL exactly as in a token's 'iss', such as https://login.example.com, without query or fragment",
      ),
    jwksUri: z
      .string()
      .max(MAX_ISSUER_LENGTH)
      .refine(
        (text) =>
          /^https?:\/\/[^\s#@]+$/.test(text) && URL.canParse(text) && (text.startsWith('https:') || isLoopback(text)),
        'must be an https URL, such as https://www.example.com/keys',
      )
      .optional()
      .meta({
        description:
          "The URL of the issuer's keys. Absent: the `jwks_uri` of its metadata, which must be on the issuer's own site and not be an IP address.",
      }),
    claims: z
      .record(
        z.string().min(1).max(NAME_LENGTH),
        z.array(Claim).min(1, 'must name at least one value').max(MAX_VALUES).readonly(),
      )
      .refine(
        (claims) => Object.keys(claims).length > 0,
        'must ask for at least one claim, such as {"sub": ["service-7"]}: at an issuer that serves many, anybody can get a token for this tenant',
      )
      .refine((claims) => Object.keys(claims).length <= MAX_CLAIMS, `must ask for at most ${MAX_CLAIMS} claims`)
      .meta({
        description: 'Claims that a token must have, all of them; of the values of each, one will do.',
        examples: [{ sub: ['repo:acme/orders:*'] }],
      }),
  })
  .meta({ id: 'Issuer', description: 'An OpenID Connect issuer whose tokens do in place of a key.' });

const Issuers = z
  .array(Issuer)
  .max(MAX_ISSUERS)
  .readonly()
  .check(({ value, issues }) => {
    value.forEach(({ issuer, jwksUri }, index) => {
      if (value.find((other) => other.issuer === issuer)?.jwksUri === jwksUri) return;
      const message = 'must be the same in every entry for this issuer';
      issues.push({ code: 'custom', path: [index, 'jwksUri'], message, input: value });
    });
  })
  .meta({
    description:
      'OpenID Connect issuers whose tokens (`Authorization: Bearer`, `aud` = `postern:<tenant id>`) are accepted in place of a key. Absent: none.',
  });

const Quota = z
  .strictObject({
    period: z.enum(PERIODS).meta({ description: 'UTC; a week begins on Monday.' }),
    requests: z.int().min(1).max(MAX_COUNT).optional().meta({ description: 'Calls that are forwarded.' }),
    payloadBytes: z.int().min(1).max(MAX_COUNT).optional().meta({ description: 'Bytes of their payloads.' }),
  })
  .refine(
    ({ requests, payloadBytes }) => requests !== undefined || payloadBytes !== undefined,
    'must limit requests, payloadBytes or both',
  )
  .meta({ id: 'Quota' });

const Limits = z
  .strictObject({
    rate: z
      .strictObject({
        perSecond: z.number().min(0.001).max(1_000_000),
        burst: z.int().min(1).max(10_000_000),
      })
      .optional()
      .meta({ description: 'A token bucket; `perSecond` may be a fraction.' }),
    concurrency: z
      .int()
      .min(1)
      .max(100_000)
      .optional()
      .meta({ description: 'Functions that run at once, over all isolates.' }),
    maxDurationSeconds: z.int().min(1).max(DEFAULT_MAX_DURATION_SECONDS).optional().meta({
      description: 'How long a call whose end was not seen holds its place among the concurrent ones. Absent: 900.',
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
      .meta({ description: 'What becomes of calls when the ledger cannot be reached. Absent: refuse.' }),
    serveSeconds: z
      .int()
      .min(1)
      .max(3_600)
      .optional()
      .meta({
        description: `With \`serve\`: for how long, at the most, and never by a policy older than 5 seconds. Absent: ${DEFAULT_SERVE_SECONDS}.`,
      }),
  })
  .check(({ value, issues }) => {
    value.quotas?.forEach(({ period }, index) => {
      if (value.quotas?.findIndex((other) => other.period === period) === index) return;
      const message = `there is one for this period already; put requests and payloadBytes together`;
      issues.push({ code: 'custom', path: ['quotas', index, 'period'], message, input: value });
    });
    if (value.serveSeconds !== undefined && value.onLimitsUnavailable !== 'serve') {
      const message = "means something only with onLimitsUnavailable 'serve'";
      issues.push({ code: 'custom', path: ['serveSeconds'], message, input: value });
    }
  })
  .meta({
    id: 'Limits',
    description: 'An absent limit is no limit.',
    examples: [{ rate: { perSecond: 50, burst: 100 }, quotas: [{ period: 'day', requests: 10_000 }] }],
  });

/** What an operator sets of a tenant, complete. */
export const TenantDocumentSchema = z.strictObject({
  name: Name,
  status: z.enum(['active', 'suspended']).default('active'),
  policy: Policy.prefault({}),
  limits: Limits.default({}),
  upstream: Upstream.default({}),
  issuers: Issuers.optional(),
  meterDuration: z.boolean().optional().meta({
    description: 'Ask Lambda for the log tail of each call, to learn what it billed. Callers do not see it.',
  }),
}) satisfies z.ZodType<TenantDocument>;

/** The same, where nothing may be left out that would change what a tenant may do: after a merge patch. */
export const MergedTenant = TenantDocumentSchema.extend({ status: TenantDocumentSchema.shape.status.unwrap() });

export const CreateTenant = TenantDocumentSchema.meta({ id: 'CreateTenant' });

/** The patched tenant is checked as a whole, too. */
export const PatchTenant = patchOf(MergedTenant).meta({
  id: 'PatchTenant',
  description: 'A JSON merge patch (RFC 7396): null removes a member, as if it had never been given.',
  examples: [{ status: 'suspended' }],
});

const Timestamp = z.iso.datetime({ offset: true });

export const TenantResponse = z
  .object({
    id: z.string(),
    name: z.string(),
    status: z.enum(['active', 'suspended']),
    policy: Policy,
    limits: Limits,
    upstream: Upstream,
    issuers: Issuers.optional(),
    meterDuration: z.boolean().optional(),
    version: z.int(),
    createdAt: Timestamp,
    updatedAt: Timestamp,
  })
  .meta({ id: 'Tenant' });

export const TenantList = z
  .object({
    tenants: z.array(z.object({ id: z.string(), name: z.string(), status: z.string(), createdAt: Timestamp })),
    cursor: z.string().nullable().meta({ description: 'Pass it to get the next page; null: there is none.' }),
  })
  .meta({ id: 'TenantList' });

export const CreateKey = z
  .strictObject({
    name: nameOf(OPTIONAL_NAME, 'must not contain control or format characters')
      .default('')
      .meta({ examples: ['production'] }),
    expiresAt: Timestamp.nullable().default(null).meta({ description: 'Null: it does not expire.' }),
  })
  .meta({ id: 'CreateKey' });

const keyMembers = {
  id: z.string(),
  name: z.string(),
  createdAt: Timestamp,
  expiresAt: Timestamp.nullable(),
  lastUsedAt: Timestamp.nullable().meta({ description: 'At most a minute behind.' }),
};

export const RotateKey = z
  .strictObject({
    graceSeconds: z
      .int()
      .min(0)
      .max(MAX_GRACE_SECONDS)
      .default(DEFAULT_GRACE_SECONDS)
      .meta({ description: 'How long the old key goes on to work.' }),
  })
  .meta({ id: 'RotateKey' });

export const KeyList = z
  .object({ keys: z.array(z.object(keyMembers)), cursor: z.string().nullable() })
  .meta({ id: 'KeyList' });

export const NewKey = z
  .object({
    ...keyMembers,
    apiKey: z.string().meta({ description: 'For `x-api-key` or `Authorization: Bearer`. Shown once.' }),
    accessKeyId: z.string(),
    secretAccessKey: z.string().meta({ description: 'Shown once.' }),
  })
  .meta({ id: 'NewKey' });

const listQuery = (cursor: RegExp) =>
  z.object({
    cursor: z.string().regex(cursor, "must be the 'cursor' of the page before").default(''),
    limit: z.coerce.number().int().min(1).max(100).default(50),
  });
export const AuditQuery = listQuery(/^\d{0,15}$/);
export const TenantListQuery = listQuery(/^(\d{1,15}\.t[a-z0-9_]{1,64})?$/);
export const KeyListQuery = listQuery(/^(k[a-z0-9_]{1,128})?$/);

const Moment = z.union([Timestamp, z.iso.date()], { error: 'must be a date, or a date and time with an offset' });

export const UsageQuery = z.object({
  from: Moment.optional().meta({ description: 'Absent: 60 minutes, 24 hours or 30 days before `to`, by the step.' }),
  to: Moment.optional().meta({ description: 'Not included. Absent: now.' }),
  step: z.enum(STEPS).default('hour'),
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
    .array(z.object({ upToMs: z.int().nullable(), calls: count }))
    .meta({ description: 'A histogram: calls by the smallest bound that they kept to; null: longer than all.' }),
  metered: count.meta({ description: 'Calls whose REPORT line was seen.' }),
  billedMs: count,
  gbSeconds: z.number(),
};

export const UsageResponse = z
  .object({
    from: Timestamp,
    to: Timestamp,
    step: z.enum(STEPS),
    totals: z.object(useMembers),
    functions: z.record(z.string(), z.object(useMembers)).meta({
      description:
        'By function, if it is known: forwarded calls, and refused calls to a function that some rule names.',
    }),
    series: z
      .array(z.object({ at: Timestamp, ...useMembers }))
      .meta({ description: 'Steps without use are left out.' }),
    limits: z.array(
      z.object({
        limit: z.enum(LIMIT_NAMES),
        quota: z.number(),
        remaining: z.number().meta({ description: 'Neither used nor leased.' }),
        resetsAt: Timestamp.nullable(),
      }),
    ),
  })
  .meta({ id: 'Usage' });

export const CreateAdminToken = z
  .strictObject({
    name: z
      .string()
      .regex(ADMIN_TOKEN_NAME, 'must be 1 to 64 letters, digits and . _ @ -')
      .meta({
        description:
          'Shown in the audit trail. Compared without case. A name is never used again, and `root` is reserved.',
        examples: ['alice@example.com'],
      }),
    access: z.enum(ADMIN_ACCESSES).meta({ description: '`read`: may change nothing.' }),
    expiresAt: Timestamp.nullable().default(null),
  })
  .meta({ id: 'CreateAdminToken' });

const adminTokenMembers = {
  id: z.string(),
  name: z.string(),
  access: z.enum(ADMIN_ACCESSES),
  createdAt: Timestamp,
  expiresAt: Timestamp.nullable(),
};
export const NewAdminToken = z
  .object({ ...adminTokenMembers, token: z.string().meta({ description: 'Shown once.' }) })
  .meta({ id: 'NewAdminToken' });
export const AdminTokenList = z
  .object({ adminTokens: z.array(z.object(adminTokenMembers)) })
  .meta({ id: 'AdminTokenList' });

export const AuditList = z
  .object({
    entries: z.array(
      z.object({
        id: z.int(),
        at: Timestamp,
        actor: z.string().meta({ description: 'The name of the admin token that it was done with.' }),
        actorId: z
          .string()
          .nullable()
          .meta({ description: "The id of the actor's token. Null for `root`, and in old entries." }),
        action: z.string().meta({ examples: ['tenant.change', 'key.rotate'] }),
        changes: z
          .array(z.object({ pointer: z.string(), from: z.unknown().optional(), to: z.unknown().optional() }))
          .optional(),
        key: z
          .object({ id: z.string(), name: z.string().optional(), expiresAt: Timestamp.nullable().optional() })
          .optional(),
        successor: z.string().optional(),
        tenant: z.object({ id: z.string(), name: z.string() }).optional(),
        adminToken: z.object({ id: z.string(), name: z.string(), access: z.string() }).optional(),
      }),
    ),
    cursor: z.string().nullable(),
  })
  .meta({ id: 'AuditList', description: 'The newest first.' });

export const ExplainCall = z
  .strictObject({
    function: z
      .string()
      .min(1)
      .meta({ description: 'As a caller would name it.', examples: ['orders:live'] }),
    operation: z.enum(['Invoke', 'InvokeWithResponseStream', 'InvokeAsync']).default('Invoke'),
    qualifier: z.string().optional(),
    type: z.enum(INVOCATION_TYPES).optional(),
    logType: z.enum(LOG_TYPES).optional(),
    clientContext: z.boolean().default(false).meta({ description: 'The call has one.' }),
    tenantId: z.string().optional(),
    durableExecutionName: z.string().optional(),
    payloadBytes: z.int().min(0).default(0),
    ip: z
      .union([z.ipv4(), z.ipv6()], 'must be an IPv4 or IPv6 address')
      .optional()
      .meta({ description: 'Where it comes from. Absent: an address that is allowed.' }),
    origin: z
      .string()
      .optional()
      .meta({ description: 'The origin of the web page that calls. Absent: a program calls.' }),
    keyId: z.string().optional().meta({ description: 'The id of the key used. Absent: any live key.' }),
    presignedSeconds: z
      .int()
      .min(1)
      .max(MAX_PRESIGNED_SECONDS)
      .optional()
      .meta({ description: 'The `X-Amz-Expires` of a presigned call, in seconds. Absent: not presigned.' }),
  })
  .meta({ id: 'ExplainCall', description: 'A call as it might be made.' });

export const Explanation = z
  .object({
    allowed: z.boolean(),
    reason: z.string().nullable().meta({ description: 'The `x-postern-refusal` that it would get.' }),
    message: z.string().nullable(),
    rule: z
      .object({ list: z.enum(['allow', 'deny']), index: z.int() })
      .nullable()
      .meta({ description: 'The rule that decided; of a refusal, the nearest. Null: no rule is about this function.' }),
    target: z
      .string()
      .nullable()
      .meta({ description: 'The function that the call names, whether it may be called or not.' }),
    conditions: z.array(z.string()).meta({ description: 'What the answer assumes because the request left it out.' }),
  })
  .meta({ id: 'Explanation' });

export const ProblemSchema = z
  .object({
    type: z.string().meta({ description: '`about:blank`, or `urn:postern:problem:` followed by `reason`.' }),
    title: z.string(),
    status: z.int(),
    detail: z.string(),
    errors: z.array(z.object({ pointer: z.string(), detail: z.string() })).optional(),
    reason: z
      .enum(PROBLEM_REASONS)
      .optional()
      .meta({ description: 'Distinguishes problems with the same status; also the end of `type`.' }),
    successor: z.string().optional().meta({ description: 'The key that replaces one that was already rotated.' }),
  })
  .meta({ id: 'Problem', description: 'RFC 9457 problem details.' });
