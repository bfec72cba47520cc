import { KEY_RANDOM_BYTES, mintKeyId, type TenantId } from '../core/identity/ids.ts';
import { deriveApiKey, deriveSecretAccessKey } from '../core/identity/keys.ts';
import { keyCrypto } from '../edge/key-crypto.ts';
import type { Actor } from '../state/audit-trail.ts';
import type { Page } from '../state/page.ts';
import { type KeyRecord, MAX_KEYS } from '../state/tenant/key-store.ts';
import type { RotatedKey } from '../state/tenant/tenant.ts';
import type { AdminPorts } from './app.ts';
import { assertExpiry } from './expiry.ts';
import { ProblemError, trailFull } from './problem.ts';
import type { createTenantDesk } from './tenants.ts';

/** A key that was just made, with the secrets that are derived from its id and stored nowhere. */
export interface MintedKey extends KeyRecord {
  readonly apiKey: string;
  readonly secretAccessKey: string;
}

/** What the admin API does with a tenant's keys. */
export function createKeyDesk(
  { settings, objects, onChanged }: AdminPorts,
  tenants: Pick<ReturnType<typeof createTenantDesk>, 'verify' | 'missing'>,
) {
  const { rootKeys } = settings;
  const mint = (tenantId: TenantId) =>
    mintKeyId(keyCrypto, rootKeys, tenantId, crypto.getRandomValues(new Uint8Array(KEY_RANDOM_BYTES)));

  /** Hands out a key that was just made. */
  const issue = async (
    tenantId: TenantId,
    key: KeyRecord | RotatedKey | 'too-many' | 'expired' | 'trail-full' | null,
  ): Promise<MintedKey> => {
    if (!key) throw await tenants.missing(tenantId, 'tenant or key');
    if (key === 'too-many') {
      const detail = `A tenant has at most ${MAX_KEYS} keys. Revoke one that is not needed any more.`;
      throw new ProblemError({ status: 409, title: 'Too many keys', detail });
    }
    if (key === 'trail-full') throw trailFull();
    if (key === 'expired') {
      throw new ProblemError({ status: 409, title: 'Expired', detail: 'The key has expired. Make a new one.' });
    }
    if ('rotatedTo' in key) throw alreadyRotated(key.rotatedTo);
    onChanged(tenantId);
    const identity = { keyId: key.id, rootKey: rootKeys.minting };
    return {
      ...key,
      apiKey: deriveApiKey(keyCrypto, identity),
      secretAccessKey: deriveSecretAccessKey(keyCrypto, identity),
    };
  };

  return {
    async create(tenant: string, name: string, expiresAtMs: number | null, actor: Actor): Promise<MintedKey> {
      const tenantId = tenants.verify(tenant);
      assertExpiry(expiresAtMs);
      const keyId = mint(tenantId);
      return issue(
        tenantId,
        await objects.tenant(tenantId, async (stub) => await stub.addKey(keyId, name, expiresAtMs, actor)),
      );
    },

    /** Makes a key in the place of another, which works on for as long as is said. */
    async rotate(tenant: string, keyId: string, graceSeconds: number, actor: Actor): Promise<MintedKey> {
      const tenantId = tenants.verify(tenant);
      const successor = mint(tenantId);
      const graceMs = graceSeconds * 1_000;
      return issue(
        tenantId,
        await objects.tenant(tenantId, async (stub) => await stub.rotateKey(keyId, successor, graceMs, actor)),
      );
    },

    async list(tenant: string, after: string, limit: number): Promise<Page<KeyRecord>> {
      const tenantId = tenants.verify(tenant);
      const keys = await objects.tenant(tenantId, (stub) => stub.listKeys(after, limit));
      if (!keys) throw await tenants.missing(tenantId);
      return keys;
    },

    async revoke(tenant: string, keyId: string, actor: Actor): Promise<void> {
      const tenantId = tenants.verify(tenant);
      const revoked = await objects.tenant(tenantId, (stub) => stub.revokeKey(keyId, actor));
      onChanged(tenantId);
      if (!revoked) throw await tenants.missing(tenantId, 'key');
    },
  };
}

/** The successor's secret is shown only once. If it was lost, the caller has to make a new key. */
const alreadyRotated = (successor: string) =>
  new ProblemError({
    status: 409,
    title: 'Already rotated',
    reason: 'already-rotated',
    detail: `This key was already rotated: ${successor} replaces it. The secret of ${successor} is not shown again. If you lost it, make a new key and revoke ${successor}.`,
    successor,
  });
