import { mintTenantId, placeNear, TENANT_RANDOM_BYTES, type TenantId, verifyTenantId } from '../core/tenancy/ids.ts';
import type { Tenant, TenantDocument } from '../core/tenancy/tenant.ts';
import { keyCrypto } from '../gateway/key-crypto.ts';
import type { TenantSummary } from '../state/directory.ts';
import type { Page } from '../state/tenant.ts';
import type { AdminPorts } from './app.ts';
import { mergePatch } from './merge-patch.ts';
import { invalidBody, notFound, ProblemError, toFieldFaults } from './problem.ts';
import { MergedTenant } from './schema.ts';

/** Each time that one fails, another has gone through. */
const PATCH_ATTEMPTS = 50;

/** What the admin API does with tenants. */
export function createTenantDesk({ settings, objects, onChanged }: AdminPorts) {
  const { rootKeys, region } = settings;

  const verify = (text: string): TenantId => {
    const id = verifyTenantId(keyCrypto, rootKeys, text);
    if (!id) throw notFound('tenant');
    return id;
  };

  const read = async (text: string): Promise<Tenant> => {
    const tenant = await objects.tenant(verify(text), (stub) => stub.read());
    if (!tenant) throw notFound('tenant');
    return tenant;
  };

  return {
    verify,
    read,

    /** Reserves the tenant in the directory, writes it, marks it ready; each step may be repeated. */
    async create(document: TenantDocument, actor: string): Promise<Tenant> {
      const place = placeNear(document.upstream.region ?? region);
      const random = crypto.getRandomValues(new Uint8Array(TENANT_RANDOM_BYTES));
      const id = mintTenantId(keyCrypto, rootKeys, place, random);
      await objects.directory((stub) => stub.reserve(id, document.name));
      const tenant = await objects.tenant(id, (stub) => stub.create(id, document, actor));
      await objects.directory((stub) => stub.record(summaryOf(tenant)));
      return tenant;
    },

    list(after: string, limit: number): Promise<Page<TenantSummary>> {
      return objects.directory((stub) => stub.list(after, limit));
    },

    /** Applies a merge patch to what the tenant is now; two at once both take effect, one after the other. */
    async patch(text: string, patch: unknown, actor: string, ifMatch?: string): Promise<Tenant> {
      const expected = parseIfMatch(ifMatch);
      for (let attempt = 0; attempt < PATCH_ATTEMPTS; attempt++) {
        const { id, version, createdAtMs: _c, updatedAtMs: _u, ...document } = await read(text);
        if (expected !== undefined && version !== expected) throw lostRace(version);
        const merged = MergedTenant.safeParse(mergePatch(document, patch));
        if (!merged.success) throw new ProblemError(invalidBody(toFieldFaults(merged.error.issues)));
        const replaced = await objects.tenant(id, (stub) => stub.replace(merged.data, version, actor));
        if (!replaced) continue;
        onChanged(id);
        await objects.directory((stub) => stub.record(summaryOf(replaced)));
        return replaced;
      }
      throw new ProblemError({ status: 409, title: 'Conflict', detail: 'The tenant keeps changing. Try again.' });
    },

    /** Takes the tenant's calls away first, then its place in the list. */
    async remove(text: string, actor: string, ifMatch?: string): Promise<void> {
      const id = verify(text);
      const expected = parseIfMatch(ifMatch);
      const wasThere = await objects.tenant(id, async (stub) => await stub.remove(actor, expected));
      if (wasThere === 'conflict') throw lostRace();
      onChanged(id);
      const wasListed = await objects.directory((stub) => stub.forget(id));
      if (!wasThere && !wasListed) throw notFound('tenant');
    },
  };
}

/** Reads If-Match (RFC 9110 section 13.1.1): the version that a change is meant for, as its ETag said. */
function parseIfMatch(value: string | undefined): number | undefined {
  if (value === undefined || value === '*') return undefined;
  const version = /^"(\d{1,15})"$/.exec(value)?.[1];
  if (version === undefined) {
    throw new ProblemError({
      status: 400,
      title: 'Invalid request',
      detail: 'If-Match must be an ETag of this tenant, such as "3".',
    });
  }
  return Number(version);
}

const lostRace = (version?: number) =>
  new ProblemError({
    status: 412,
    title: 'Precondition failed',
    detail: `The tenant has changed since${version === undefined ? '' : `: it is at version ${version}`}. Read it again; nothing was done.`,
  });

const summaryOf = ({ id, name, status, createdAtMs }: Tenant): TenantSummary => ({ id, name, status, createdAtMs });
