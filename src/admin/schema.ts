import * as z from 'zod';
import { ADMIN_ACCESSES } from '../core/identity/admin-tokens.ts';
import { INVOCATION_TYPES, LOG_TYPES } from '../core/invoke/types.ts';
import { LIMIT_NAMES } from '../core/quota/limits.ts';
import { MAX_PRESIGNED_SECONDS } from '../core/signature/claim.ts';
import { USAGE_STEPS } from '../core/usage/steps.ts';
import { Issuers } from '../document/issuers.ts';
import { Limits } from '../document/limits.ts';
import { ADMIN_TOKEN_NAME, nameOf, OPTIONAL_NAME } from '../document/names.ts';
import { Policy } from '../document/policy.ts';
import { Upstream } from '../document/upstream.ts';
import { PROBLEM_REASONS } from './problem.ts';

const MAX_GRACE_SECONDS = 30 * 86_400;
/** How long a rotated key goes on working where nothing else is said. */
export const DEFAULT_GRACE_SECONDS = 3_600;

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
    step: z.enum(USAGE_STEPS),
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
