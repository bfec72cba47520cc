import { encodeBase32 } from '../base32.ts';
import { INVOKE_LIMITS } from '../invoke/limits.ts';
import type { KeyCrypto } from './crypto.ts';
import { rootKeyOf, type TenantId } from './ids.ts';
import type { RootKeys } from './root-keys.ts';

/** Characters of the prefix that is unique to a tenant: 80 bits. */
const PREFIX_LENGTH = 16;
const { maxDurableExecutionNameLength: MAX_LENGTH } = INVOKE_LIMITS;
const REST_LENGTH = MAX_LENGTH - PREFIX_LENGTH - 1;

/**
 * Derives a tenant's form of a durable execution's name: `<16: tenant>-<name>`, or `<16: tenant>_<47: MAC of the name>` for
 * a name of more than 47 characters. The result has at most 64 characters of `[A-Za-z0-9-_]`. The same name always gives
 * the same result. Two names of a tenant give the same result only if 235 bits of HMAC-SHA256 collide. Nobody can guess or
 * choose another tenant's prefix.
 *
 * @returns undefined if the root key that the tenant's id names is missing.
 */
export function scopeDurableName(
  crypto: KeyCrypto,
  rootKeys: RootKeys,
  tenantId: TenantId,
  name: string,
): string | undefined {
  const rootKey = rootKeyOf(rootKeys, tenantId);
  if (!rootKey) return undefined;
  const mac = (text: string) => encodeBase32(crypto.hmacSha256(rootKey.secret, text));
  const prefix = mac(`durable-names/${tenantId}`).slice(0, PREFIX_LENGTH);
  if (name.length <= REST_LENGTH) return `${prefix}-${name}`;
  return `${prefix}_${mac(`durable-name/${tenantId}/${name}`).slice(0, REST_LENGTH)}`;
}
