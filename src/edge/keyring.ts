import type { KeyCrypto } from '../core/identity/crypto.ts';
import { scopeDurableName } from '../core/identity/durable-names.ts';
import { type KeyIdentity, type TenantId, verifyKeyId, verifyTenantId } from '../core/identity/ids.ts';
import { deriveApiKey, deriveSecretAccessKey, parseApiKey, refuseUnproved } from '../core/identity/keys.ts';
import type { RootKeys } from '../core/identity/root-keys.ts';
import type { Refusal } from '../core/refusal.ts';
import { err, ok, type Result } from '../core/result.ts';
import { createBoundedMap } from './bounded-map.ts';

/** A key whose id has been verified. Its secrets are derived when they are first used. */
export interface KnownKey extends KeyIdentity {
  readonly apiKey: () => string;
  readonly secretAccessKey: () => string;
}

/** Proves keys without a lookup, and remembers genuine keys, because their callers come again. */
export interface Keyring {
  /** Finds a key by its id. Undefined if we did not mint the id. */
  find(keyId: string): KnownKey | undefined;
  /**
   * Proves a bearer key: its checksum, the MAC of its key id, and its secret. Does not check whether the key is still
   * live.
   */
  proveApiKey(text: string): Result<KnownKey, Refusal>;
  /** Returns the text as a tenant's id. Undefined if we did not mint the id. */
  findTenant(text: string): TenantId | undefined;
  /** Makes a durable execution's name unique to a tenant. Undefined if the tenant's root key is missing. */
  scopeDurableName(tenantId: TenantId, name: string): string | undefined;
}

/** Maximum keys to remember. Only minted ids are added, so strangers cannot fill the map. */
const MAX_KEYS = 2_000;

export function createKeyring(crypto: KeyCrypto, rootKeys: RootKeys): Keyring {
  const known = createBoundedMap<string, KnownKey>(MAX_KEYS);

  const find = (keyId: string): KnownKey | undefined => {
    const remembered = known.get(keyId);
    if (remembered) return remembered;
    const identity = verifyKeyId(crypto, rootKeys, keyId);
    if (!identity) return undefined;
    let apiKey: string | undefined;
    let secretAccessKey: string | undefined;
    const key: KnownKey = {
      ...identity,
      apiKey: () => {
        apiKey ??= deriveApiKey(crypto, identity);
        return apiKey;
      },
      secretAccessKey: () => {
        secretAccessKey ??= deriveSecretAccessKey(crypto, identity);
        return secretAccessKey;
      },
    };
    known.set(keyId, key);
    return key;
  };

  return {
    find,
    findTenant: (text) => verifyTenantId(crypto, rootKeys, text),
    scopeDurableName: (tenantId, name) => scopeDurableName(crypto, rootKeys, tenantId, name),
    proveApiKey(text) {
      const parsed = parseApiKey(text);
      if (!parsed.ok) return parsed;
      const key = find(parsed.value.keyId);
      return key && crypto.timingSafeEqual(key.apiKey(), text) ? ok(key) : err(refuseUnproved(text));
    },
  };
}
