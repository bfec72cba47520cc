import { describe, expect, it } from 'vitest';
import { admin, fetchWorker, ORIGIN } from './client.ts';

describe('the admin API', () => {
  it('refuses who has no admin token, before anything else', async () => {
    for (const authorization of [undefined, 'Bearer wrong', 'Basic abc', 'Bearer ']) {
      const response = await fetchWorker(`${ORIGIN}/admin/v1/tenants`, {
        headers: authorization === undefined ? {} : { authorization },
      });
      expect(response.status).toBe(401);
      expect(response.headers.get('www-authenticate')).toContain('Bearer');
      expect(response.headers.get('content-type')).toBe('application/problem+json');
    }
  });

  it('refuses an admin token over plain http', async () => {
    const response = await fetchWorker('http://postern.test/admin/v1/tenants', {
      headers: { authorization: 'Bearer admin-token-of-the-worker-tests-0001' },
    });
    expect(response.status).toBe(403);
  });

  it('describes itself', async () => {
    const { status, body } = await admin('GET', '/openapi.json');
    expect(status).toBe(200);
    expect(body.openapi).toBe('3.1.0');
    expect(Object.keys(body.paths).sort()).toEqual([
      '/',
      '/admin-tokens',
      '/admin-tokens/{adminTokenId}',
      '/audit',
      '/tenants',
      '/tenants/{tenantId}',
      '/tenants/{tenantId}/audit',
      '/tenants/{tenantId}/explain',
      '/tenants/{tenantId}/keys',
      '/tenants/{tenantId}/keys/{keyId}',
      '/tenants/{tenantId}/keys/{keyId}/rotate',
      '/tenants/{tenantId}/usage',
    ]);
    expect(body.components.schemas.CreateTenant.required).toEqual(['name']);
    const references = [...JSON.stringify(body).matchAll(/"\$ref":"#\/components\/schemas\/(\w+)"/g)];
    expect(references.length).toBeGreaterThan(20);
    for (const [, name] of references) expect(Object.keys(body.components.schemas)).toContain(name);
    const ifMatch = body.paths['/tenants/{tenantId}'].patch.parameters.filter(
      (one: { in: string }) => one.in === 'header',
    );
    expect(ifMatch.map((one: { name: string }) => one.name)).toEqual(['if-match']);
    expect(body.components.securitySchemes.adminToken).toEqual({ type: 'http', scheme: 'bearer' });
  });

  it('answers a path that it does not have with a problem', async () => {
    expect(await admin('GET', '/nothing')).toMatchObject({ status: 404, body: { title: 'Not found' } });
  });
});

describe('odd requests', () => {
  it('get an answer that says what is odd', async () => {
    const { id } = (await admin('POST', '/tenants', { name: 'odd' })).body;
    const nested = `${'{"policy":'.repeat(20_000)}1${'}'.repeat(20_000)}`;
    expect((await admin('PATCH', `/tenants/${id}`, nested)).status).toBe(400);
    expect((await admin('POST', '/tenants', `"${'x'.repeat(5_000_000)}"`)).status).toBe(413);
    for (const cursor of ['x', 'NaN.x', '.', '-1', 'Infinity']) {
      const { status, body } = await admin('GET', `/tenants?cursor=${cursor}`);
      expect([status, body.errors[0].pointer]).toEqual([400, 'cursor']);
    }
    expect((await admin('GET', '/tenants?limit=0')).body.errors[0].pointer).toBe('limit');
  });

  it('that come many at once all take effect', async () => {
    const { id } = (await admin('POST', '/tenants', { name: 'crowded' })).body;
    const patches = await Promise.all(
      Array.from({ length: 20 }, (_, n) => admin('PATCH', `/tenants/${id}`, { name: `n${n}` })),
    );
    expect(patches.map(({ status }) => status)).toEqual(Array.from({ length: 20 }, () => 200));
    expect((await admin('GET', `/tenants/${id}`)).body.version).toBe(21);
  });
});
