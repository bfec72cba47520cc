import { env } from 'cloudflare:workers';
import { describe, expect, it } from 'vitest';
import { ROOT_ACTOR } from '../../src/core/identity/actor.ts';
import { admin } from './client.ts';

const makeToken = (name: string) => admin('POST', '/admin-tokens', { name, access: 'full' });
const as = (token: string) => ({ authorization: `Bearer ${token}` });
const directory = () => env.DIRECTORY.get(env.DIRECTORY.idFromName('directory'));

describe("B10: an admin token's name", () => {
  it.each(['root\u200b', 'r\u043eot', 'a b', ' alice', 'alice\u202e', 'a/b', '', 'x'.repeat(65), 'émile'])(
    'is not %j',
    async (name) => {
      const { status, body } = await makeToken(name);
      expect([status, body.errors?.[0]?.pointer]).toEqual([400, '#/name']);
    },
  );

  it.each(['root', 'Root', 'ROOT', 'rOOt'])('is never %s, which is the one in the settings', async (name) => {
    expect((await makeToken(name)).status).toBe(409);
  });

  it('is taken without regard to case, and for good', async () => {
    const made = await makeToken('Bob@example.com');
    expect(made.status).toBe(201);
    expect((await makeToken('bob@EXAMPLE.com')).status).toBe(409);
    await admin('DELETE', `/admin-tokens/${made.body.id}`);
    for (const name of ['Bob@example.com', 'bob@example.com']) {
      expect([name, (await makeToken(name)).status]).toEqual([name, 409]);
    }
  });

  it("is in the audit trail beside the token's id", async () => {
    const { token, id } = (await makeToken('carol')).body;
    const tenant = await admin('POST', '/tenants', { name: 'Acme' }, as(token));
    const [entry] = (await admin('GET', `/tenants/${tenant.body.id}/audit`)).body.entries;
    expect(entry).toMatchObject({ actor: 'carol', actorId: id, action: 'tenant.create' });
    await admin('PATCH', `/tenants/${tenant.body.id}`, { name: 'B' });
    const [ours] = (await admin('GET', `/tenants/${tenant.body.id}/audit`)).body.entries;
    expect(ours).toMatchObject({ actor: 'root', actorId: null, action: 'tenant.change' });
  });

  it('of before goes on to work, and is listed', async () => {
    const name = 'Ämtliche \u202e Verwaltung';
    const added = await directory().addToken(
      { id: 'a1_aaaaaaaaaaaaaaaa' as never, name, access: 'full', expiresAtMs: null },
      { name: 'root' } as never,
    );
    expect(added).toMatchObject({ name });
    const { status, body } = await admin('GET', '/admin-tokens');
    expect(status).toBe(200);
    expect(body.adminTokens).toContainEqual(expect.objectContaining({ name }));
  });
});

describe('B10: names of tenants and keys', () => {
  const UNSEEN = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u;

  it.each([
    'Ac\u202eme',
    'Acme\u200b',
    'Ac\u2066me',
    'A\u00adc',
    'A\u{e0041}',
    'Acme\ufeffx',
    'A\u2028B',
    ' ',
    '\u3000',
  ])('are not %j', async (name) => {
    const { id } = (await admin('POST', '/tenants', { name: 'Acme' })).body;
    const answers = [
      await admin('POST', '/tenants', { name }),
      await admin('PATCH', `/tenants/${id}`, { name }),
      ...(name.trim() === '' ? [] : [await admin('POST', `/tenants/${id}/keys`, { name })]),
    ];
    for (const { status, body } of answers) {
      expect([status, body.errors?.[0]?.pointer]).toEqual([400, '#/name']);
    }
  });

  it.each(['Åcme & Söhne', '株式会社', ' Acme ', '𝕬'.repeat(128), 'Acme 👍'])('may be %j', async (name) => {
    const { status, body } = await admin('POST', '/tenants', { name });
    expect([status, body.name]).toEqual([201, name.trim()]);
  });

  it('are checked by what the document says, without \\p', async () => {
    const { body } = await admin('GET', '/openapi.json');
    const { pattern } = body.components.schemas.CreateTenant.properties.name;
    expect(pattern).not.toMatch(/\\[pP]\{/);
    const described = new RegExp(pattern, 'u');
    for (let code = 0; code < 0x10000; code++) {
      const char = String.fromCodePoint(code);
      if (described.test(`a${char}`) === UNSEEN.test(char)) expect.fail(`U+${code.toString(16)}`);
    }
  });

  it('of before may stay while something else is changed', async () => {
    const { id } = (await admin('POST', '/tenants', { name: 'Acme' })).body;
    const stub = env.TENANT.get(env.TENANT.idFromName(id));
    const { id: _id, version, createdAtMs: _created, updatedAtMs: _updated, ...document } = (await stub.read()) ?? {};
    await stub.replace({ ...document, name: 'Ac\u202eme' } as never, version ?? 0, ROOT_ACTOR);
    const suspended = await admin('PATCH', `/tenants/${id}`, { status: 'suspended' });
    expect([suspended.status, suspended.body.name]).toEqual([200, 'Ac\u202eme']);
  });
});
