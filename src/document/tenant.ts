import * as z from 'zod';
import type { TenantDocument } from '../core/tenancy/tenant.ts';
import { Issuers } from './issuers.ts';
import { Limits } from './limits.ts';
import { NAME, nameOf } from './names.ts';
import { patchOf } from './patch-shape.ts';
import { Policy } from './policy.ts';
import { Upstream } from './upstream.ts';

const Name = nameOf(NAME, 'must not be empty or contain control or format characters').meta({
  description: 'The name of the tenant, for people.',
  examples: ['Acme'],
});

/** All settings that the operator makes for a tenant. */
export const TenantDocumentSchema = z.strictObject({
  name: Name,
  status: z
    .enum(['active', 'suspended'])
    .meta({ description: 'Every call of a suspended tenant is refused.' })
    .default('active'),
  policy: Policy.prefault({}),
  limits: Limits.default({}),
  upstream: Upstream.default({}),
  issuers: Issuers.optional(),
  meterDuration: z.boolean().optional().meta({
    description:
      '`true`: ask Lambda for the log tail of each call, to learn what it billed. Callers do not see that log. Default `false`.',
  }),
}) satisfies z.ZodType<TenantDocument>;

/** A tenant after a merge patch. The status must be present, because a default would change what the tenant may do. */
export const MergedTenant = TenantDocumentSchema.extend({ status: TenantDocumentSchema.shape.status.unwrap() });

export const CreateTenant = TenantDocumentSchema.meta({ id: 'CreateTenant', description: 'A tenant to create.' });

/** `patchTenant` also checks the patched tenant as a whole. */
export const PatchTenant = patchOf(MergedTenant).meta({
  id: 'PatchTenant',
  description: 'A JSON merge patch (RFC 7396). Null removes a member, as if it had never been set.',
  examples: [{ status: 'suspended' }],
});
