import { describe, expect, it } from 'vitest';
import { admin } from '../client.ts';

describe('keys', () => {
  it('are at most 50, and never expired when they are made', async () => {
    const { id } = (await admin('POST', '/tenants', { name: 'hoarder' })).body;
    for (let n = 0; n < 50; n++) expect((await admin('POST', `/tenants/${id}/keys`, {})).status).toBe(201);
    expect(await admin('POST', `/tenants/${id}/keys`, {})).toMatchObject({
      status: 409,
      body: { title: 'Too many keys' },
    });
    for (const expiresAt of ['2020-01-01T00:00:00Z', '0000-01-01T00:00:00Z', '9999-01-01T00:00:00Z']) {
      const { status, body } = await admin('POST', `/tenants/${id}/keys`, { expiresAt });
      expect([status, body.errors[0].pointer]).toEqual([400, '#/expiresAt']);
    }
  });

  it('show their secrets once, are listed without them, and are revoked for good', async () => {
    const { id } = (await admin('POST', '/tenants', { name: 'keyed' })).body;
    const made = await admin('POST', `/tenants/${id}/keys`, { name: 'production' });
    expect(made.status).toBe(201);
    expect(made.body).toMatchObject({ name: 'production', expiresAt: null });
    expect(made.body.accessKeyId).toBe(made.body.id);
    expect(made.body.apiKey).toMatch(/^postern_/);
    expect(made.body.secretAccessKey).toHaveLength(52);
    expect(made.headers.get('cache-control')).toBe('no-store');

    const listed = await admin('GET', `/tenants/${id}/keys`);
    expect(listed.body.keys).toHaveLength(1);
    expect(JSON.stringify(listed.body)).not.toContain(made.body.secretAccessKey);
    expect(JSON.stringify(listed.body)).not.toContain(made.body.apiKey);

    expect((await admin('DELETE', `/tenants/${id}/keys/${made.body.id}`)).status).toBe(204);
    expect((await admin('DELETE', `/tenants/${id}/keys/${made.body.id}`)).status).toBe(404);
    expect((await admin('GET', `/tenants/${id}/keys`)).body.keys).toEqual([]);
  });

  it('are listed in pages', async () => {
    const { id } = (await admin('POST', '/tenants', { name: 'many keys' })).body;
    for (let n = 0; n < 5; n++) await admin('POST', `/tenants/${id}/keys`, { name: `k${n}` });
    const names: string[] = [];
    let cursor = '';
    do {
      const page = await admin('GET', `/tenants/${id}/keys?limit=2&cursor=${cursor}`);
      names.push(...page.body.keys.map(({ name }: { name: string }) => name));
      cursor = page.body.cursor ?? '';
    } while (cursor);
    expect(names.sort()).toEqual(['k0', 'k1', 'k2', 'k3', 'k4']);
  });

  it('take an expiry with an offset, and name one that is not a time', async () => {
    const { id } = (await admin('POST', '/tenants', { name: 'expiring' })).body;
    const made = await admin('POST', `/tenants/${id}/keys`, { expiresAt: '2030-01-01T02:00:00+02:00' });
    expect(made.body.expiresAt).toBe('2030-01-01T00:00:00.000Z');
    const wrong = await admin('POST', `/tenants/${id}/keys`, { expiresAt: 'tomorrow' });
    expect(wrong).toMatchObject({ status: 400, body: { errors: [{ pointer: '#/expiresAt' }] } });
  });
});
