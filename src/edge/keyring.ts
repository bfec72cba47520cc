import type { KeyCrypto } from '../core/identity/crypto.ts';
import { scopeDurableName } from '../core/identity/durable-names.ts';
import { type KeyIdentity, type TenantId, verifyKeyId, verifyTenantId } from '../core/identity/ids.ts';
import { deriveApiKey, deriveSecretAccessKey, parseApiKey, refuseUnproved } from '../core/identity/keys.ts';
import type { RootKeys } from '../core/identity/root-keys.ts';
import type { Refusal } from '../core/refusal.ts';
import { err, ok, type Result } from '../core/result.ts';
import { createBoundedMap } from './bounded-map.ts';

/** A key whose id has been verified, with the secrets that are derived from it when they are first asked for. */
export interface KnownKey extends KeyIdentity {
  readonly apiKey: () => string;
  readonly secretAccessKey: () => string;
}

/** Proves keys with no lookup, and remembers those that are real: their callers come again. */
export interface Keyring {
  /** A key by its id; undefined for one that we did not mint. */
  find(keyId: string): KnownKey | undefined;
  /** Proves a bearer key: its checksum, its key id's MAC, its secret. Whether it still lives is not said. */
  proveApiKey(text: string): Result<KnownKey, Refusal>;
  /** A tenant's id, if we minted it. */
  findTenant(text: string): TenantId | undefined;
  /** A tenant's own form of a durable execution's name. Undefined if its root key is missing. */
  scopeDurableName(tenantId: TenantId, name: string): string | undefined;
}

/** Keys that are remembered. Only minted ids get in, so strangers cannot fill it. */
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
