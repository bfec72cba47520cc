import * as z from 'zod';
import { Issuers } from '../../document/issuers.ts';
import { Limits } from '../../document/limits.ts';
import { Policy } from '../../document/policy.ts';
import { Upstream } from '../../document/upstream.ts';
import { listQuery, NextCursor } from '../page.ts';
import { Timestamp } from '../timestamp.ts';

const summary = {
  id: z.string().meta({ description: 'The id of the tenant.' }),
  name: z.string().meta({ description: 'The name of the tenant.' }),
  status: z.enum(['active', 'suspended']).meta({ description: 'Every call of a suspended tenant is refused.' }),
  createdAt: Timestamp.meta({ description: 'The time at which the tenant was created.' }),
};

export const TenantResponse = z
  .strictObject({
    ...summary,
    policy: Policy,
    limits: Limits,
    upstream: Upstream,
    issuers: Issuers.optional(),
    meterDuration: z
      .boolean()
      .optional()
      .meta({ description: 'True if Postern asks Lambda for the log tail of each call, to learn what it billed.' }),
    version: z.int().meta({ description: 'Counts the changes to the tenant, from 1.' }),
    updatedAt: Timestamp.meta({ description: 'The time of the last change.' }),
  })
  .meta({ id: 'Tenant', description: 'A tenant: an outside company or team that may call.' });
export type TenantResponse = z.output<typeof TenantResponse>;

export const TenantList = z
  .strictObject({
    tenants: z.array(z.strictObject(summary)).meta({ description: 'Oldest first.' }),
    cursor: NextCursor,
  })
  .meta({ id: 'TenantList', description: 'One page of tenants.' });
export type TenantList = z.output<typeof TenantList>;

export const TenantListQuery = listQuery(/^(\d{1,15}\.t[a-z0-9_]{1,64})?$/);
