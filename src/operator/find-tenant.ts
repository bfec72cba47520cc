import { missingRootKey, type TenantId, verifyTenantId } from '../core/identity/ids.ts';
import { err, ok, type Result } from '../core/result.ts';
import { keyCrypto } from '../edge/key-crypto.ts';
import { assertNotLost } from '../state/ask-tenant.ts';
import type { Failure } from './failure.ts';
import type { OperatorPorts } from './ports.ts';

/** Verifies the id of a tenant. Without its root key an id cannot be verified, which is not reported as not found. */
export function verifyTenant({ settings: { rootKeys } }: OperatorPorts, text: string): Result<TenantId, Failure> {
  const id = verifyTenantId(keyCrypto, rootKeys, text);
  if (id) return ok(id);
  const version = missingRootKey(rootKeys, text);
  if (version !== undefined) return err({ kind: 'root-key-missing', tenant: text, version });
  return err({ kind: 'not-found', what: 'tenant' });
}

/**
 * The failure for what a tenant's object does not have.
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
