import { mintTenantId, nearestHint, TENANT_RANDOM_BYTES } from '../core/identity/ids.ts';
import { err, ok } from '../core/result.ts';
import type { TenantDocument, TenantRecord } from '../core/tenancy/tenant.ts';
import { keyCrypto } from '../edge/key-crypto.ts';
import type { TenantSummary } from '../state/directory/directory.ts';
import { notFoundIn, verifyTenant } from './find-tenant.ts';
import { changing, reading } from './operation.ts';

const summaryOf = ({ id, name, status, createdAtMs }: TenantRecord): TenantSummary => ({
  id,
  name,
  status,
  createdAtMs,
});

/** Creates a tenant in three repeatable steps: reserves it in the directory, writes it, and marks it ready. */
export const createTenant = changing(async ({ settings, objects }, admin, document: TenantDocument) => {
  const { rootKeys, region } = settings;
  const hint = nearestHint(document.upstream.region ?? region);
  const id = mintTenantId(keyCrypto, rootKeys, hint, crypto.getRandomValues(new Uint8Array(TENANT_RANDOM_BYTES)));
  if (!(await objects.directory((stub) => stub.reserve(id, document.name, admin)))) return err({ kind: 'trail-full' });
  const tenant: TenantRecord = await objects.tenant(id, (stub) => stub.create(id, document, admin));
  await objects.directory((stub) => stub.record(summaryOf(tenant), admin));
  return ok(tenant);
});

/** Lists tenants, oldest first, starting after a cursor. */
export const listTenants = reading(async ({ objects }, _admin, after: string, limit: number) =>
  ok(await objects.directory(async (stub) => await stub.list(after, limit))),
);

export const readTenant = reading(async (ports, _admin, named: string) => {
  const id = await verifyTenant(ports, named);
  if (!id.ok) return id;
  const tenant: TenantRecord | null = await ports.objects.tenant(id.value, async (stub) => await stub.read());
  return tenant ? ok(tenant) : notFoundIn(ports, id.value, 'tenant');
});

/**
 * Applies a merge patch to a tenant, such as `{ status: 'suspended' }`.
 *
 * @param versions the versions that the patch applies to. Undefined: any version.
 */
export const changeTenant = changing(
  async (ports, admin, named: string, patch: unknown, versions?: readonly number[]) => {
    const { objects, onChanged } = ports;
    const id = await verifyTenant(ports, named);
    if (!id.ok) return id;
    const patched = await objects.tenant(id.value, async (stub) => await stub.patch(patch, versions, admin));
    if (patched.kind === 'absent') return notFoundIn(ports, id.value, 'tenant');
    if (patched.kind !== 'patched') return err(patched);
    onChanged(id.value);
    await objects.directory((stub) => stub.record(summaryOf(patched.tenant), admin));
    return ok<TenantRecord>(patched.tenant);
  },
);

/** Deletes a tenant and all its keys. First ends the calls of the tenant, then removes the tenant from the list. */
export const deleteTenant = changing(async (ports, admin, named: string, versions?: readonly number[]) => {
  const { objects, onChanged } = ports;
  const id = await verifyTenant(ports, named);
  if (!id.ok) return id;
  const existed = await objects.tenant(id.value, async (stub) => await stub.remove(admin, versions));
  if (existed === 'conflict') return err({ kind: 'other-version' });
  onChanged(id.value);
  const wasListed = await objects.directory((stub) => stub.forget(id.value, admin));
  return existed || wasListed ? ok(undefined) : err({ kind: 'not-found', what: 'tenant' });
});
