import * as z from 'zod';
import { Issuers } from '../../document/issuers.ts';
import { Limits } from '../../document/limits.ts';
import { Policy } from '../../document/policy.ts';
import { Upstream } from '../../document/upstream.ts';
import { listQuery } from '../page.ts';
import { Timestamp } from '../timestamp.ts';

export const TenantResponse = z
  .strictObject({
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
export type TenantResponse = z.output<typeof TenantResponse>;

export const TenantList = z
  .strictObject({
    tenants: z.array(z.strictObject({ id: z.string(), name: z.string(), status: z.string(), createdAt: Timestamp })),
    cursor: z.string().nullable().meta({ description: 'Pass it to get the next page; null: there is none.' }),
  })
  .meta({ id: 'TenantList' });
export type TenantList = z.output<typeof TenantList>;

export const TenantListQuery = listQuery(/^(\d{1,15}\.t[a-z0-9_]{1,64})?$/);
