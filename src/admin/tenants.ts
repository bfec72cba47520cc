import {
  mintTenantId,
  missingRootKey,
  nearestHint,
  TENANT_RANDOM_BYTES,
  type TenantId,
  verifyTenantId,
} from '../core/identity/ids.ts';
import type { TenantDocument, TenantRecord } from '../core/tenancy/tenant.ts';
import { keyCrypto } from '../edge/key-crypto.ts';
import { assertNotLost } from '../state/ask-tenant.ts';
import type { Actor } from '../state/audit-trail.ts';
import type { TenantSummary } from '../state/directory/directory.ts';
import type { Page } from '../state/page.ts';
import type { AdminPorts } from './app.ts';
import { parseIfMatch } from './if-match.ts';
import { invalidBody, notFound, ProblemError, trailFull } from './problem.ts';

/** What the admin API does with tenants. */
export function createTenantDesk({ settings, objects, onChanged }: AdminPorts) {
  const { rootKeys, region } = settings;

  /** Without its root key an id cannot be verified, so it is not reported as not found. */
  const unverified = (text: string): ProblemError => {
    const version = missingRootKey(rootKeys, text);
    if (version === undefined) return notFound('tenant');
    const detail = `${text} needs root key version ${version}, which is missing from POSTERN_ROOT_KEYS. Put that version back, after the first.`;
    return new ProblemError({ status: 409, title: 'Root key missing', reason: 'root-key-missing', detail });
  };

  const verify = (text: string): TenantId => {
    const id = verifyTenantId(keyCrypto, rootKeys, text);
    if (!id) throw unverified(text);
    return id;
  };

  /** `notFound`, unless the tenant's database was lost. @throws StateError `empty` if it was. */
  const missing = async (id: TenantId, what = 'tenant'): Promise<ProblemError> => {
    await assertNotLost(objects, id);
    return notFound(what);
  };

  const read = async (text: string): Promise<TenantRecord> => {
    const id = verify(text);
    const tenant = await objects.tenant(id, (stub) => stub.read());
    if (!tenant) throw await missing(id);
    return tenant;
  };

  return {
    verify,
    missing,
    read,

    /** Reserves the tenant in the directory, writes it, marks it ready; each step may be repeated. */
    async create(document: TenantDocument, actor: Actor): Promise<TenantRecord> {
      const place = nearestHint(document.upstream.region ?? region);
      const random = crypto.getRandomValues(new Uint8Array(TENANT_RANDOM_BYTES));
      const id = mintTenantId(keyCrypto, rootKeys, place, random);
      if (!(await objects.directory((stub) => stub.reserve(id, document.name, actor)))) throw trailFull();
      const tenant = await objects.tenant(id, (stub) => stub.create(id, document, actor));
      await objects.directory((stub) => stub.record(summaryOf(tenant), actor));
      return tenant;
    },

    list(after: string, limit: number): Promise<Page<TenantSummary>> {
      return objects.directory((stub) => stub.list(after, limit));
    },

    /** Applies a merge patch to what the tenant is now; two at once both take effect, one after the other. */
    async patch(text: string, patch: unknown, actor: Actor, ifMatch?: string): Promise<TenantRecord> {
      const versions = parseIfMatch(ifMatch);
      const id = verify(text);
      const patched = await objects.tenant(id, async (stub) => await stub.patch(patch, versions, actor));
      switch (patched.kind) {
        case 'absent':
          throw await missing(id);
        case 'other-version':
          throw lostRace(patched.version);
        case 'invalid':
          throw new ProblemError(invalidBody(patched.faults));
        case 'trail-full':
          throw trailFull();
        case 'patched':
          onChanged(id);
          await objects.directory((stub) => stub.record(summaryOf(patched.tenant), actor));
          return patched.tenant;
      }
    },

    /** Takes the tenant's calls away first, then its place in the list. */
    async remove(text: string, actor: Actor, ifMatch?: string): Promise<void> {
      const id = verify(text);
      const versions = parseIfMatch(ifMatch);
      const wasThere = await objects.tenant(id, async (stub) => await stub.remove(actor, versions));
      if (wasThere === 'conflict') throw lostRace();
      onChanged(id);
      const wasListed = await objects.directory((stub) => stub.forget(id, actor));
      if (!wasThere && !wasListed) throw notFound('tenant');
    },
  };
}

const lostRace = (version?: number) =>
  new ProblemError({
    status: 412,
    title: 'Precondition failed',
    detail: `The tenant has changed since${version === undefined ? '' : `: it is at version ${version}`}. Read it again; nothing was done.`,
  });

const summaryOf = ({ id, name, status, createdAtMs }: TenantRecord): TenantSummary => ({
  id,
  name,
  status,
  createdAtMs,
});
