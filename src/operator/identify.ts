import { ROOT_ACTOR } from '../core/identity/actor.ts';
import { proveAdminToken } from '../core/identity/admin-tokens.ts';
import { keyCrypto } from '../edge/key-crypto.ts';
import type { Admin } from './access.ts';
import type { OperatorPorts } from './ports.ts';

/** Maximum length of an admin token in characters. A longer token is rejected without further checks. */
const MAX_TOKEN_LENGTH = 4_096;

/** Finds the holder of an admin token. Undefined if the token is unknown, expired or revoked. */
export async function identifyAdmin(
  { settings: { rootKeys, adminToken }, objects }: Pick<OperatorPorts, 'settings' | 'objects'>,
  token: string,
): Promise<Admin | undefined> {
  if (token.length > MAX_TOKEN_LENGTH) return undefined;
  if (keyCrypto.timingSafeEqual(token, adminToken)) return { ...ROOT_ACTOR, access: 'full' };
  const id = proveAdminToken(keyCrypto, rootKeys, token);
  // Only a token that we made is looked up. A forged token costs one MAC and no request.
  const found = id && (await objects.directory(async (stub) => await stub.findToken(id)));
  return found ? { name: found.name, id: found.id, access: found.access } : undefined;
}
