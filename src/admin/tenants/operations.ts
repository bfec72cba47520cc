import { CreateTenant, PatchTenant } from '../../document/tenant.ts';
import type { Operation } from '../operation.ts';
import { TenantList, TenantListQuery, TenantResponse } from './schema.ts';

/** What a change may name in If-Match. */
const etag = ({ version }: TenantResponse) => ({ etag: `"${version}"` });

export const TENANT_OPERATIONS = {
  createTenant: {
    method: 'POST',
    path: '/tenants',
    summary: 'Make a tenant. It may call nothing until its policy allows it',
    body: CreateTenant,
    answer: {
      status: 201,
      schema: TenantResponse,
      headers: (tenant: TenantResponse) => ({ ...etag(tenant), location: `/admin/v1/tenants/${tenant.id}` }),
    },
    problems: [400],
  },
  listTenants: {
    method: 'GET',
    path: '/tenants',
    summary: 'List tenants, oldest first',
    query: TenantListQuery,
    answer: { status: 200, schema: TenantList },
    problems: [400],
  },
  readTenant: {
    method: 'GET',
    path: '/tenants/{tenantId}',
    summary: 'Read a tenant',
    answer: { status: 200, schema: TenantResponse, headers: etag },
    problems: [404],
  },
  patchTenant: {
    method: 'PATCH',
    path: '/tenants/{tenantId}',
    summary: 'Change a tenant. It holds everywhere within 5 seconds',
    body: PatchTenant,
    answer: { status: 200, schema: TenantResponse, headers: etag },
    problems: [400, 404, 412],
  },
  deleteTenant: {
    method: 'DELETE',
    path: '/tenants/{tenantId}',
    summary: 'Delete a tenant and all its keys',
    answer: { status: 204 },
    problems: [400, 404, 412],
  },
} as const satisfies Readonly<Record<string, Operation>>;
