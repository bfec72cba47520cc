import { env } from 'cloudflare:workers';
import { describe, expect, it } from 'vitest';
import { ROOT_ACTOR } from '../../src/core/identity/actor.ts';
import type { TenantId } from '../../src/core/identity/ids.ts';
import type { TenantDocument } from '../../src/core/tenancy/tenant.ts';

const document: TenantDocument = {
  name: 'Acme',
  status: 'active',
  policy: { allow: [{ function: 'orders-*' }] },
  limits: {},
  upstream: {},
};
const made = async (name: string) => {
  const stub = env.TENANT.get(env.TENANT.idFromName(`patch-${name}`));
  await stub.create(name as TenantId, document, ROOT_ACTOR);
  return stub;
};

describe("Tenant.patch: a merge patch in the tenant's object", () => {
  it('changes the tenant, its revision and the audit trail in one message', async () => {
    const stub = await made('one');
    const alice = { name: 'alice', id: 'a1_aaaaaaaaaaaaaaaa' as never };
    const { revision } = await stub.look(0);
    const patched = await stub.patch({ name: 'B', limits: { concurrency: 2 } }, [1, 7], alice);
    expect(patched).toMatchObject({ kind: 'patched', tenant: { name: 'B', version: 2, limits: { concurrency: 2 } } });
    expect(await stub.read()).toMatchObject({ name: 'B', policy: document.policy });
    expect((await stub.look(0)).revision).toBeGreaterThan(revision);
    const [entry] = (await stub.audit('', 1)).items;
    expect(entry).toMatchObject({ actor: 'alice', actorId: alice.id, action: 'tenant.change' });
    expect(JSON.parse(entry?.detail ?? '')).toEqual({
      changes: [
        { pointer: '/limits/concurrency', to: 2 },
        { pointer: '/name', from: 'Acme', to: 'B' },
      ],
    });
  });

  it('takes both of two at once', async () => {
    const stub = await made('both');
    await Promise.all([
      stub.patch({ limits: { concurrency: 2 } }, undefined, ROOT_ACTOR),
      stub.patch({ limits: { maxPayloadBytes: 3 } }, undefined, ROOT_ACTOR),
    ]);
    expect(await stub.read()).toMatchObject({ version: 3, limits: { concurrency: 2, maxPayloadBytes: 3 } });
  });

  it('gives the same document when it is repeated', async () => {
    const stub = await made('again');
    const patch = { upstream: { tenantId: 'acme' }, policy: { deny: [{ function: 'x' }] } };
    await stub.patch(patch, undefined, ROOT_ACTOR);
    const once = await stub.read();
    await stub.patch(patch, undefined, ROOT_ACTOR);
    expect(await stub.read()).toEqual({ ...once, version: 3, updatedAtMs: expect.any(Number) });
    expect((await stub.audit('', 10)).items.map(({ action }) => action)).toEqual(['tenant.change', 'tenant.create']);
  });

  it('changes nothing at another version, nor where the result is not valid', async () => {
    const stub = await made('none');
    const before = await stub.read();
    expect(await stub.patch({ name: 'B' }, [], ROOT_ACTOR)).toEqual({ kind: 'other-version', version: 1 });
    expect(await stub.patch({ name: 'B' }, [2, 3], ROOT_ACTOR)).toEqual({ kind: 'other-version', version: 1 });
    expect(await stub.patch({ limits: { serveSeconds: 1 } }, undefined, ROOT_ACTOR)).toEqual({
      kind: 'invalid',
      faults: [{ pointer: '#/limits/serveSeconds', detail: "needs onLimitsUnavailable 'serve'" }],
    });
    expect(await stub.read()).toEqual(before);
    expect((await stub.audit('', 10)).items).toHaveLength(1);
  });

  it('finds no tenant where none was made', async () => {
    const stub = env.TENANT.get(env.TENANT.idFromName('patch-unmade'));
    expect(await stub.patch({ name: 'B' }, undefined, ROOT_ACTOR)).toEqual({ kind: 'absent' });
  });
});
