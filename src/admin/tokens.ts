import {
  ADMIN_TOKEN_RANDOM_BYTES,
  type AdminAccess,
  deriveAdminToken,
  mintAdminTokenId,
  proveAdminToken,
} from '../core/tenancy/admin-tokens.ts';
import { keyCrypto } from '../gateway/key-crypto.ts';
import { type AdminTokenRecord, MAX_ADMIN_TOKENS } from '../state/directory.ts';
import type { AdminPorts } from './app.ts';
import { notFound, ProblemError } from './problem.ts';

/** Who asks, and what that one may do. */
export interface Admin {
  readonly name: string;
  readonly access: AdminAccess;
}

/** The holder of `POSTERN_ADMIN_TOKEN`. */
export const ROOT = 'root';

/** What the admin API does with its own tokens. */
export function createTokenDesk({ settings, objects }: AdminPorts) {
  const { rootKeys, adminToken } = settings;
  return {
    /** Says who holds a token; undefined for one that we did not make, or that lives no more. */
    async identify(text: string): Promise<Admin | undefined> {
      if (keyCrypto.timingSafeEqual(text, adminToken)) return { name: ROOT, access: 'full' };
      const id = proveAdminToken(keyCrypto, rootKeys, text);
      return id && ((await objects.directory(async (stub) => await stub.findToken(id))) ?? undefined);
    },

    async create(
      name: string,
      access: AdminAccess,
      expiresAtMs: number | null,
      actor: string,
    ): Promise<AdminTokenRecord & { readonly token: string }> {
      const id = mintAdminTokenId(rootKeys, crypto.getRandomValues(new Uint8Array(ADMIN_TOKEN_RANDOM_BYTES)));
      const added =
        name === ROOT
          ? 'name-taken'
          : await objects.directory(async (stub) => await stub.addToken({ id, name, access, expiresAtMs }, actor));
      if (added === 'name-taken' || added === 'too-many') {
        const detail =
          added === 'too-many'
            ? `There may be ${MAX_ADMIN_TOKENS} admin tokens. Revoke one that is not needed any more.`
            : 'There is an admin token of this name already. Names tell in the audit trail who did what.';
        throw new ProblemError({ status: 409, title: 'Conflict', detail });
      }
      return { ...added, token: deriveAdminToken(keyCrypto, rootKeys, id) };
    },

    list: (): Promise<readonly AdminTokenRecord[]> => objects.directory(async (stub) => await stub.listTokens()),

    async revoke(id: string, actor: string): Promise<void> {
      if (!(await objects.directory(async (stub) => await stub.revokeToken(id, actor)))) throw notFound('admin token');
    },
  };
}
