import type { TenantId } from '../core/identity/ids.ts';
import type { LeaseRequest } from '../core/quota/lease-protocol.ts';
import type { TenantAnswer } from '../core/tenancy/snapshot.ts';
import { StateError } from '../core/tenancy/state-error.ts';
import type { Objects } from './objects.ts';

/** A gateway isolate's questions to a tenant's object. */
export interface TenantAsker {
  /** Asks for a lease, and for the tenant if it is no longer at the known revision. @throws StateError */
  ask(
    id: TenantId,
    ask: LeaseRequest,
    knownRevision: number,
    keysUsed: ReadonlyMap<string, number>,
  ): Promise<TenantAnswer>;
  /** Asks for the tenant alone. It only reads, so it works where nothing can be written. @throws StateError */
  look(id: TenantId, knownRevision: number): Promise<TenantAnswer>;
}

export function createTenantAsker(objects: Objects): TenantAsker {
  /** An empty object is a tenant that never existed, or one whose file was lost. Only the directory knows which. */
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
 * Fails closed if a tenant is on the list but its object is empty.
 *
 * @throws StateError `empty`, which names the tenant.
 */
async function assertUnlisted(objects: Objects, id: TenantId): Promise<void> {
  const name = await objects.directory(async (stub) => await stub.nameOf(id));
  if (name === null) return;
  const message = `it is listed as ${JSON.stringify(name)}, but its database is empty: restore its file`;
  throw new StateError(id, 'empty', message);
}
