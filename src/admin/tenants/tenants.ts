import type { TenantRecord } from '../../core/tenancy/tenant.ts';
import { changeTenant, createTenant, deleteTenant, listTenants, readTenant } from '../../operator/tenants.ts';
import { answerWith, type Handlers } from '../handler.ts';
import { toIso } from '../timestamp.ts';
import type { TENANT_OPERATIONS } from './operations.ts';

const showTenant = ({ createdAtMs, updatedAtMs, ...tenant }: TenantRecord) => ({
  ...tenant,
  createdAt: toIso(createdAtMs),
  updatedAt: toIso(updatedAtMs),
});

export const tenants: Handlers<typeof TENANT_OPERATIONS> = {
  createTenant: async (ports, { admin, body }) => answerWith(await createTenant(ports, admin, body), showTenant),
  listTenants: async (ports, { admin, query }) =>
    answerWith(await listTenants(ports, admin, query.cursor, query.limit), ({ items, next }) => ({
      tenants: items.map(({ createdAtMs, ...tenant }) => ({ ...tenant, createdAt: toIso(createdAtMs) })),
      cursor: next,
    })),
  readTenant: async (ports, { admin, params }) =>
    answerWith(await readTenant(ports, admin, params.tenantId), showTenant),
  patchTenant: async (ports, { admin, params, body, ifMatch }) =>
    answerWith(await changeTenant(ports, admin, params.tenantId, body, ifMatch), showTenant),
  deleteTenant: (ports, { admin, params, ifMatch }) => deleteTenant(ports, admin, params.tenantId, ifMatch),
};
