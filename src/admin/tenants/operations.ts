import { CreateTenant, PatchTenant } from '../../document/tenant.ts';
import { ADMIN_PATH } from '../envelope.ts';
import type { Operation } from '../operation.ts';
import { TenantList, TenantListQuery, TenantResponse } from './schema.ts';

const ETAG = {
  description: 'The version of the tenant, for `If-Match`.',
  of: ({ version }: TenantResponse) => `"${version}"`,
};
const LOCATION = {
  description: 'The path of the tenant.',
  of: ({ id }: TenantResponse) => `${ADMIN_PATH}/tenants/${id}`,
};

export const TENANT_OPERATIONS = {
  createTenant: {
    method: 'POST',
    path: '/tenants',
    summary: 'Create a tenant',
    body: CreateTenant,
    answer: {
      status: 201,
      description: 'The new tenant. Without a rule in `policy.allow`, it may call nothing.',
      schema: TenantResponse,
      headers: { etag: ETAG, location: LOCATION },
    },
  },
  listTenants: {
    method: 'GET',
    path: '/tenants',
    summary: 'List the tenants',
    query: TenantListQuery,
    answer: { status: 200, description: 'One page of tenants, oldest first.', schema: TenantList },
  },
  readTenant: {
    method: 'GET',
    path: '/tenants/{tenantId}',
    summary: 'Read a tenant',
    answer: { status: 200, description: 'The tenant.', schema: TenantResponse, headers: { etag: ETAG } },
  },
  patchTenant: {
    method: 'PATCH',
    path: '/tenants/{tenantId}',
    summary: 'Change a tenant',
    body: PatchTenant,
    isConditional: true,
    answer: {
      status: 200,
      description: 'The changed tenant. The change takes effect everywhere within 5 seconds.',
      schema: TenantResponse,
      headers: { etag: ETAG },
    },
  },
  deleteTenant: {
    method: 'DELETE',
    path: '/tenants/{tenantId}',
    summary: 'Delete a tenant and all its keys',
    isConditional: true,
    answer: { status: 204, description: 'The tenant is deleted. Its calls are refused everywhere within 5 seconds.' },
  },
} as const satisfies Readonly<Record<string, Operation>>;
