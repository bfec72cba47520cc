import { ok } from '../core/result.ts';
import { verifyTenant } from './find-tenant.ts';
import { reading } from './operation.ts';

/** Lists what was done to a tenant, newest first, from behind a cursor. A deleted tenant has left its trail. */
export const readAudit = reading(async (ports, _admin, tenant: string, after: string, limit: number) => {
  const id = await verifyTenant(ports, tenant);
  if (!id.ok) return id;
  return ok(await ports.objects.tenant(id.value, async (stub) => await stub.audit(after, limit)));
});

/** Lists changes to admin tokens, and tenants created and deleted, newest first, from behind a cursor. */
export const readGatewayAudit = reading(async ({ objects }, _admin, after: string, limit: number) =>
  ok(await objects.directory(async (stub) => await stub.audit(after, limit))),
);
