import type { TenantId } from '../core/identity/ids.ts';
import type { LeaseRequest } from '../core/quota/lease-protocol.ts';
import type { TenantAnswer } from '../core/tenancy/snapshot.ts';
import { StateError } from '../core/tenancy/state-error.ts';
import type { Objects } from './objects.ts';

/** Sends a gateway isolate's requests to a tenant's object. */
export interface TenantAsker {
  /** Asks for a lease, and for the tenant if its revision differs from `knownRevision`. @throws StateError */
  ask(
    id: TenantId,
    ask: LeaseRequest,
    knownRevision: number,
    keysUsed: ReadonlyMap<string, number>,
  ): Promise<TenantAnswer>;
  /** Asks only for the tenant. Writes nothing, so `look` works even if the object cannot write. @throws StateError */
  look(id: TenantId, knownRevision: number): Promise<TenantAnswer>;
}

export function createTenantAsker(objects: Objects): TenantAsker {
  /** If the object is empty, the tenant never existed or its file was lost. Only the directory knows which. */
  const checked = async (id: TenantId, answer: TenantAnswer): Promise<TenantAnswer> => {
    if (answer.isBlank) await assertUnlisted(objects, id);
    return answer;
  };
  return {
    ask: async (id, ask, revision, keysUsed) =>
      checked(id, await objects.tenant(id, async (stub) => await stub.ask(ask, revision, keysUsed))),
    look: async (id, revision) => checked(id, await objects.tenant(id, async (stub) => await stub.look(revision))),
  };
}

/**
 * Throws if the tenant's database was lost: the tenant is on the list but its object is empty.
 *
 * @throws StateError `empty`
 */
export async function assertNotLost(objects: Objects, id: TenantId): Promise<void> {
  if (await objects.tenant(id, async (stub) => await stub.isBlank())) await assertUnlisted(objects, id);
}

/**
 * Fails closed: throws if the directory lists the tenant. Use this check only for a tenant whose object is empty.
 *
 * @throws StateError `empty`, which names the tenant.
 */
async function assertUnlisted(objects: Objects, id: TenantId): Promise<void> {
  const name = await objects.directory(async (stub) => await stub.nameOf(id));
  if (name === null) return;
  const message = `it is listed as ${JSON.stringify(name)}, but its database is empty: restore its file`;
  throw new StateError(id, 'empty', message);
}
