import {
  ADMIN_TOKEN_RANDOM_BYTES,
  type AdminAccess,
  deriveAdminToken,
  mintAdminTokenId,
  proveAdminToken,
} from '../core/identity/admin-tokens.ts';
import { keyCrypto } from '../edge/key-crypto.ts';
import { type Actor, ROOT_ACTOR } from '../state/audit-trail.ts';
import { type AdminTokenRecord, MAX_ADMIN_TOKENS } from '../state/directory/directory.ts';
import type { AdminPorts } from './app.ts';
import { assertExpiry } from './expiry.ts';
import { notFound, ProblemError, trailFull } from './problem.ts';

/** Who asks, and what that one may do. */
export interface Admin extends Actor {
  readonly access: AdminAccess;
}

/** None of our tokens is longer. A longer one is ignored. */
const MAX_TOKEN_LENGTH = 4_096;

/** What the admin API does with its own tokens. */
export function createTokenDesk({ settings, objects }: AdminPorts) {
  const { rootKeys, adminToken } = settings;
  return {
    /** Says who holds a token; undefined for one that we did not make, or that has expired or was revoked. */
    async identify(text: string): Promise<Admin | undefined> {
      if (text.length > MAX_TOKEN_LENGTH) return undefined;
      if (keyCrypto.timingSafeEqual(text, adminToken)) return { ...ROOT_ACTOR, access: 'full' };
      const id = proveAdminToken(keyCrypto, rootKeys, text);
      // Only a token that we made is looked up: a forged one costs its MAC and nothing else.
      const found = id && (await objects.directory(async (stub) => await stub.findToken(id)));
      return found ? { name: found.name, id: found.id, access: found.access } : undefined;
    },

    async create(
      name: string,
      access: AdminAccess,
      expiresAtMs: number | null,
      actor: Actor,
    ): Promise<AdminTokenRecord & { readonly token: string }> {
      assertExpiry(expiresAtMs);
      const id = mintAdminTokenId(rootKeys, crypto.getRandomValues(new Uint8Array(ADMIN_TOKEN_RANDOM_BYTES)));
      const added =
        name.toLowerCase() === ROOT_ACTOR.name
          ? 'name-taken'
          : await objects.directory(async (stub) => await stub.addToken({ id, name, access, expiresAtMs }, actor));
      if (added === 'trail-full') throw trailFull();
      if (added === 'name-taken' || added === 'too-many') {
        const detail =
          added === 'too-many'
            ? `There may be ${MAX_ADMIN_TOKENS} admin tokens. Revoke one that is not needed any more.`
            : 'An admin token has or had this name. The audit trail shows names, so none is used twice. Choose another.';
        throw new ProblemError({ status: 409, title: 'Conflict', detail });
      }
      return { ...added, token: deriveAdminToken(keyCrypto, rootKeys, id) };
    },

    list: (): Promise<readonly AdminTokenRecord[]> => objects.directory(async (stub) => await stub.listTokens()),

    async revoke(id: string, actor: Actor): Promise<void> {
      if (!(await objects.directory(async (stub) => await stub.revokeToken(id, actor)))) throw notFound('admin token');
    },
  };
}
