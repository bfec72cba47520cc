import { rootKeyVersionOf, type TenantId, verifyTenantId } from '../core/identity/ids.ts';
import { err, ok, type Result } from '../core/result.ts';
import { keyCrypto } from '../edge/key-crypto.ts';
import { assertNotLost } from '../state/ask-tenant.ts';
import type { Failure } from './failure.ts';
import type { OperatorPorts } from './ports.ts';

/**
 * Verifies the id of a tenant. If the settings lack the root key that the id was made with, the failure says so. The
 * directory is asked only about an id of the right form, and only for an operator, who may list all tenants anyway.
 */
export async function verifyTenant(
  { settings: { rootKeys }, objects }: OperatorPorts,
  text: string,
): Promise<Result<TenantId, Failure>> {
  const id = verifyTenantId(keyCrypto, rootKeys, text);
  if (id) return ok(id);
  const version = rootKeyVersionOf(text);
  if (version === undefined) return err({ kind: 'not-found', what: 'tenant' });
  if (!rootKeys.byVersion.has(version)) return err({ kind: 'root-key-missing', tenant: text, version });
  const name = await objects.directory(async (stub) => await stub.nameOf(text));
  if (name === null) return err({ kind: 'not-found', what: 'tenant' });
  return err({ kind: 'root-key-wrong', tenant: text, version });
}

/**
 * Returns the failure for something that a tenant's object does not contain.
 *
 * @throws StateError `empty` if the tenant's database was lost.
 */
export async function notFoundIn(
  { objects }: OperatorPorts,
  id: TenantId,
  what: 'tenant' | 'key' | 'tenant or key',
): Promise<{ readonly ok: false; readonly error: Failure }> {
  await assertNotLost(objects, id);
  return err({ kind: 'not-found', what });
}
