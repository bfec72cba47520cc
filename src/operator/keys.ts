import { KEY_RANDOM_BYTES, mintKeyId, type TenantId } from '../core/identity/ids.ts';
import { deriveApiKey, deriveSecretAccessKey } from '../core/identity/keys.ts';
import { err, ok, type Result } from '../core/result.ts';
import { keyCrypto } from '../edge/key-crypto.ts';
import { type KeyRecord, MAX_KEYS } from '../state/tenant/key-store.ts';
import type { Tenant as TenantObject } from '../state/tenant/tenant.ts';
import { checkExpiry } from './expiry.ts';
import type { Failure } from './failure.ts';
import { notFoundIn, verifyTenant } from './find-tenant.ts';
import { changing, reading } from './operation.ts';
import type { OperatorPorts } from './ports.ts';

/** A key that was just created, with the secrets that are derived from its id and stored nowhere. */
export interface MintedKey extends KeyRecord {
  readonly apiKey: string;
  readonly secretAccessKey: string;
}

const mint = ({ settings: { rootKeys } }: OperatorPorts, tenantId: TenantId) =>
  mintKeyId(keyCrypto, rootKeys, tenantId, crypto.getRandomValues(new Uint8Array(KEY_RANDOM_BYTES)));

/** Derives the secrets of a key that the tenant's object has just written. If no key was written, returns the failure. */
async function issue(
  ports: OperatorPorts,
  tenantId: TenantId,
  written: ReturnType<TenantObject['rotateKey']>,
): Promise<Result<MintedKey, Failure>> {
  if (!written) return notFoundIn(ports, tenantId, 'tenant or key');
  if (written === 'too-many') return err({ kind: 'too-many-keys', max: MAX_KEYS });
  if (written === 'trail-full') return err({ kind: 'trail-full' });
  if (written === 'expired') return err({ kind: 'key-expired' });
  if ('rotatedTo' in written) return err({ kind: 'already-rotated', successor: written.rotatedTo });
  ports.onChanged(tenantId);
  const identity = { keyId: written.id, rootKey: ports.settings.rootKeys.minting };
  return ok({
    ...written,
    apiKey: deriveApiKey(keyCrypto, identity),
    secretAccessKey: deriveSecretAccessKey(keyCrypto, identity),
  });
}

export const createKey = changing(
  async (
    ports,
    admin,
    tenant: string,
    name: string,
    expiresAtMs: number | null,
  ): Promise<Result<MintedKey, Failure>> => {
    const id = await verifyTenant(ports, tenant);
    if (!id.ok) return id;
    const expiry = checkExpiry(expiresAtMs, ports.now());
    if (!expiry.ok) return expiry;
    const keyId = mint(ports, id.value);
    const add = ports.objects.tenant(id.value, async (stub) => await stub.addKey(keyId, name, expiresAtMs, admin));
    return issue(ports, id.value, await add);
  },
);

/** Creates a key that replaces another. The old key keeps working for the grace period. */
export const rotateKey = changing(async (ports, admin, tenant: string, keyId: string, graceSeconds: number) => {
  const id = await verifyTenant(ports, tenant);
  if (!id.ok) return id;
  const successor = mint(ports, id.value);
  const graceMs = graceSeconds * 1_000;
  const rotate = ports.objects.tenant(id.value, async (stub) => await stub.rotateKey(keyId, successor, graceMs, admin));
  return issue(ports, id.value, await rotate);
});

/** Lists the keys of a tenant, without secrets, sorted by id and starting after a cursor. */
export const listKeys = reading(async (ports, _admin, tenant: string, after: string, limit: number) => {
  const id = await verifyTenant(ports, tenant);
  if (!id.ok) return id;
  const keys = await ports.objects.tenant(id.value, async (stub) => await stub.listKeys(after, limit));
  return keys ? ok(keys) : notFoundIn(ports, id.value, 'tenant');
});

export const revokeKey = changing(async (ports, admin, tenant: string, keyId: string) => {
  const id = await verifyTenant(ports, tenant);
  if (!id.ok) return id;
  const revoked = await ports.objects.tenant(id.value, async (stub) => await stub.revokeKey(keyId, admin));
  ports.onChanged(id.value);
  return revoked ? ok(undefined) : notFoundIn(ports, id.value, 'key');
});
