import { runInDurableObject } from 'cloudflare:test';
import { env } from 'cloudflare:workers';
import { describe, expect, it } from 'vitest';
import { admin } from '../client.ts';

const DAY_MS = 24 * 3_600_000;
const makeTenant = async () => (await admin('POST', '/tenants', { name: 'Acme' })).body.id as string;
const stubOf = (id: string) => env.TENANT.get(env.TENANT.idFromName(id));

/** Writes many entries at once, as so many changes would have, of an age. */
const pad = (stub: DurableObjectStub, entries: number, ageMs: number) =>
  runInDurableObject(stub, (_, { storage }) => {
    storage.sql.exec(
      `WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?)
       INSERT INTO audit (at_ms, actor, action, detail) SELECT ?, 'mallory', 'tenant.change', '{}' FROM n`,
      entries,
      Date.now() - ageMs,
    );
  });

/** The oldest entry that the API still shows. */
async function oldest(path: string) {
  let last: { id: number; action: string } | undefined;
  for (let before: string | null = ''; before !== null; ) {
    const { body } = await admin('GET', `${path}?limit=100&cursor=${before}`);
    last = body.entries.at(-1) ?? last;
    // Straight to the first: ids count up from one.
    before = last && last.id > 101 ? '101' : null;
  }
  return last;
}

describe('C1: the audit trail', () => {
  it('is not flushed by 10,000 renames', async () => {
    const id = await makeTenant();
    await pad(stubOf(id), 10_000, 1_000);
    expect((await admin('PATCH', `/tenants/${id}`, { name: 'B' })).status).toBe(200);
    expect(await oldest(`/tenants/${id}/audit`)).toMatchObject({ id: 1, action: 'tenant.create' });
  });

  it('lets go of what is older than 90 days, once 10,000 entries are newer', async () => {
    const id = await makeTenant();
    await runInDurableObject(stubOf(id), (_, { storage }) => {
      storage.sql.exec('UPDATE audit SET at_ms = ?', Date.now() - 91 * DAY_MS);
    });
    await admin('PATCH', `/tenants/${id}`, { name: 'B' });
    expect(await oldest(`/tenants/${id}/audit`)).toMatchObject({ id: 1 });
    await pad(stubOf(id), 10_000, 1_000);
    await admin('PATCH', `/tenants/${id}`, { name: 'C' });
    expect(await oldest(`/tenants/${id}/audit`)).toMatchObject({ id: 2 });
  });

  it('that is full refuses what an admin token would change, but not the root token, nor to take rights away', async () => {
    const { token } = (await admin('POST', '/admin-tokens', { name: 'mallory', access: 'full' })).body;
    const as = { authorization: `Bearer ${token}` };
    const id = await makeTenant();
    const key = (await admin('POST', `/tenants/${id}/keys`, {})).body.id;
    await pad(stubOf(id), 100_000, 1_000);
    for (const [method, path, body] of [
      ['PATCH', '', { name: 'B' }],
      ['POST', '/keys', {}],
      ['POST', `/keys/${key}/rotate`, {}],
    ] as const) {
      const { status, body: problem } = await admin(method, `/tenants/${id}${path}`, body, as);
      expect([method, path, status, problem.reason]).toEqual([method, path, 507, 'audit-full']);
    }
    expect((await admin('GET', `/tenants/${id}`)).body.name).toBe('Acme');
    expect((await admin('PATCH', `/tenants/${id}`, { name: 'B' })).status).toBe(200);
    expect((await admin('DELETE', `/tenants/${id}/keys/${key}`, undefined, as)).status).toBe(204);
    expect((await admin('DELETE', `/tenants/${id}`, undefined, as)).status).toBe(204);
    expect(await oldest(`/tenants/${id}/audit`)).toMatchObject({ id: 1, action: 'tenant.create' });
  });

  it("of the gateway holds each tenant's making and end, which its own trail still tells of", async () => {
    const { token, id: actorId } = (await admin('POST', '/admin-tokens', { name: 'dora', access: 'full' })).body;
    const as = { authorization: `Bearer ${token}` };
    const { id } = (await admin('POST', '/tenants', { name: 'Short-lived' }, as)).body;
    await admin('PATCH', `/tenants/${id}`, { name: 'Renamed' });
    await admin('DELETE', `/tenants/${id}`);
    const { entries } = (await admin('GET', '/audit?limit=2')).body;
    expect(entries).toMatchObject([
      { actor: 'root', action: 'tenant.delete', tenant: { id, name: 'Renamed' } },
      { actor: 'dora', actorId, action: 'tenant.create', tenant: { id, name: 'Short-lived' } },
    ]);
    const own = (await admin('GET', `/tenants/${id}/audit`)).body.entries;
    expect(own.map(({ action }: { action: string }) => action)).toEqual([
      'tenant.delete',
      'tenant.change',
      'tenant.create',
    ]);
  });

  // The last: it fills the gateway's trail, which these tests share.
  it('that is full lets any full-access token suspend a tenant and drop its allow rules, and nothing besides', async () => {
    const { token } = (await admin('POST', '/admin-tokens', { name: 'guard', access: 'full' })).body;
    const as = { authorization: `Bearer ${token}` };
    const [one, two, three] = [{ function: 'a' }, { function: 'b' }, { function: 'c' }];
    const { id } = (await admin('POST', '/tenants', { name: 'Acme', policy: { allow: [one, two] } })).body;
    await pad(stubOf(id), 100_000, 1_000);
    await pad(env.DIRECTORY.get(env.DIRECTORY.idFromName('directory')), 100_000, 1_000);
    const patch = async (document: object) => (await admin('PATCH', `/tenants/${id}`, document, as)).status;
    for (const more of [
      { policy: { allow: [one, two, three] } },
      { policy: { allow: [three] } },
      { policy: { allow: [one, one] } },
      { policy: { allow: [two, one] } },
      { policy: { allow: [one], deny: [two] } },
      { status: 'suspended', name: 'B' },
      { status: 'suspended', limits: { concurrency: 9 } },
      { status: 'suspended', meterDuration: true },
    ]) {
      expect([more, await patch(more)]).toEqual([more, 507]);
    }
    expect(await patch({ policy: { allow: [two] } })).toBe(200);
    expect(await patch({ status: 'suspended' })).toBe(200);
    expect(await patch({ policy: { allow: [] } })).toBe(200);
    expect(await patch({ status: 'active' })).toBe(507);
    expect((await admin('GET', `/tenants/${id}`)).body).toMatchObject({ status: 'suspended', policy: { allow: [] } });
    const { entries } = (await admin('GET', `/tenants/${id}/audit?limit=3`)).body;
    expect(entries.map(({ actor, action }: Record<string, string>) => [actor, action])).toEqual(
      [1, 2, 3].map(() => ['guard', 'tenant.change']),
    );
    const { id: other, token: otherToken } = (await admin('POST', '/admin-tokens', { name: 'other', access: 'full' }))
      .body;
    expect(otherToken).toBeDefined();
    expect((await admin('DELETE', `/admin-tokens/${other}`, undefined, as)).status).toBe(204);
    expect((await admin('DELETE', `/tenants/${id}`, undefined, as)).status).toBe(204);
  });
});
