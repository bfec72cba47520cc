import { ROOT_ACTOR } from '../core/identity/actor.ts';
import {
  ADMIN_TOKEN_RANDOM_BYTES,
  type AdminAccess,
  deriveAdminToken,
  MAX_ADMIN_TOKENS,
  mintAdminTokenId,
} from '../core/identity/admin-tokens.ts';
import { err, ok, type Result } from '../core/result.ts';
import { keyCrypto } from '../edge/key-crypto.ts';
import type { AdminTokenRecord } from '../state/directory/directory.ts';
import { checkExpiry } from './expiry.ts';
import type { Failure } from './failure.ts';
import { changing, reading } from './operation.ts';

/** An admin token that was just created, with its secret, which is stored nowhere. */
export interface MintedAdminToken extends AdminTokenRecord {
  readonly token: string;
}

/** Creates an admin token for one person or job. The audit trail shows the name, so no other token may ever use it. */
export const createAdminToken = changing(
  async (
    { settings: { rootKeys }, objects, now },
    admin,
    name: string,
    access: AdminAccess,
    expiresAtMs: number | null,
  ): Promise<Result<MintedAdminToken, Failure>> => {
    const expiry = checkExpiry(expiresAtMs, now());
    if (!expiry.ok) return expiry;
    if (name.toLowerCase() === ROOT_ACTOR.name) return err({ kind: 'name-taken' });
    const id = mintAdminTokenId(rootKeys, crypto.getRandomValues(new Uint8Array(ADMIN_TOKEN_RANDOM_BYTES)));
    const added = await objects.directory(
      async (stub) => await stub.addToken({ id, name, access, expiresAtMs }, admin),
    );
    if (added === 'too-many') return err({ kind: 'too-many-tokens', max: MAX_ADMIN_TOKENS });
    if (added === 'trail-full' || added === 'name-taken') return err({ kind: added });
    return ok({ ...added, token: deriveAdminToken(keyCrypto, rootKeys, id) });
  },
);

/** Lists all admin tokens by name, without secrets. */
export const listAdminTokens = reading(async ({ objects }) =>
  ok(await objects.directory(async (stub) => await stub.listTokens())),
);

export const revokeAdminToken = changing(async ({ objects }, admin, id: string) => {
  const revoked = await objects.directory(async (stub) => await stub.revokeToken(id, admin));
  return revoked ? ok(undefined) : err({ kind: 'not-found', what: 'admin token' });
});
