import * as z from 'zod';
import { partitionOf } from '../core/invoke/region.ts';
import { INVOCATION_TYPES } from '../core/invoke/types.ts';
import { MAX_PATTERN_LENGTH } from '../core/policy/pattern.ts';
import { findPolicyFaults } from '../core/policy/policy.ts';
import { MAX_PRESIGNED_SECONDS } from '../core/signature/claim.ts';
import type { TenantDocument } from '../core/tenancy/tenant.ts';

const NAME_LENGTH = 128;
const MAX_RULES = 100;
const MAX_QUALIFIERS = 100;
const NO_CONTROLS = /^\P{Cc}*$/u;

const Name = z
  .string()
  .trim()
  .min(1, 'must not be empty')
  .max(NAME_LENGTH)
  .regex(NO_CONTROLS, 'must not contain control characters')

  .meta({ examples: ['Acme'] });

const AllowRule = z
  .strictObject({
    function: z
      .string()
      .min(1, 'must not be empty')
      .max(MAX_PATTERN_LENGTH)
      .meta({
        examples: ['orders-*'],
        description:
          "A function name with `*` as wildcard: this account's functions in the tenant's region. Or a full function ARN whose name may have wildcards.",
      }),
    qualifiers: z
      .array(z.string())
      .min(1, 'must name at least one; leave it out to allow all')
      .max(MAX_QUALIFIERS)
      .readonly()
      .optional()
      .meta({
        examples: [['live']],
        description: 'Versions and aliases; `$LATEST` also stands for a call that names none. Absent: all.',
      }),
    types: z
      .array(z.enum(INVOCATION_TYPES))
      .min(1, 'must name at least one; leave it out to allow all')
      .readonly()
      .optional()
      .meta({ description: 'Absent: all.' }),
    logTail: z.boolean().optional().meta({ description: 'May ask for the execution log. Absent: no.' }),
    tenantId: z
      .literal('caller')
      .optional()
      .meta({ description: '`caller`: may choose X-Amz-Tenant-Id. Absent: a call that does is refused.' }),
  })
  .meta({ id: 'AllowRule' });

const Policy = z
  .strictObject({
    allow: z.array(AllowRule).max(MAX_RULES).readonly().default([]),
    maxPresignedSeconds: z
      .int()
      .min(1)
      .max(MAX_PRESIGNED_SECONDS)
      .optional()
      .meta({ description: 'Seconds that a presigned request may live at the most. Absent: seven days.' }),
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

const Limits = z.strictObject({}).meta({ id: 'Limits', description: 'No limit can be set yet.' });

/** What an operator sets of a tenant, complete. */
export const TenantDocumentSchema = z.strictObject({
  name: Name,
  status: z.enum(['active', 'suspended']).default('active'),
  policy: Policy.prefault({}),
  limits: Limits.default({}),
  upstream: Upstream.default({}),
}) satisfies z.ZodType<TenantDocument>;

/** The same, where nothing may be left out that would change what a tenant may do: after a merge patch. */
export const MergedTenant = TenantDocumentSchema.extend({ status: TenantDocumentSchema.shape.status.unwrap() });

export const CreateTenant = TenantDocumentSchema.meta({ id: 'CreateTenant' });

/** A merge patch (RFC 7396) is any object: what it makes of the tenant is checked as a whole. */
export const PatchTenant = z.record(z.string(), z.unknown()).meta({
  id: 'PatchTenant',
  description: 'A JSON merge patch (RFC 7396) of name, status, policy, limits and upstream.',
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
    name: z
      .string()
      .trim()
      .max(NAME_LENGTH)
      .regex(NO_CONTROLS, 'must not contain control characters')
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
};

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
export const TenantListQuery = listQuery(/^(\d{1,15}\.t[a-z0-9_]{1,64})?$/);
export const KeyListQuery = listQuery(/^(k[a-z0-9_]{1,128})?$/);

export const ProblemSchema = z
  .object({
    type: z.string(),
    title: z.string(),
    status: z.int(),
    detail: z.string(),
    errors: z.array(z.object({ pointer: z.string(), detail: z.string() })).optional(),
  })
  .meta({ id: 'Problem', description: 'RFC 9457 problem details.' });
