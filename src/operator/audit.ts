import { ok } from '../core/result.ts';
import { verifyTenant } from './find-tenant.ts';
import { reading } from './operation.ts';

/** Lists the changes to a tenant, newest first, starting after a cursor. A deleted tenant's audit trail remains readable. */
export const readAudit = reading(async (ports, _admin, tenant: string, after: string, limit: number) => {
  const id = await verifyTenant(ports, tenant);
  if (!id.ok) return id;
  return ok(await ports.objects.tenant(id.value, async (stub) => await stub.audit(after, limit)));
});

/** Lists changes to admin tokens, and creations and deletions of tenants, newest first, starting after a cursor. */
export const readGatewayAudit = reading(async ({ objects }, _admin, after: string, limit: number) =>
  ok(await objects.directory(async (stub) => await stub.audit(after, limit))),
);
