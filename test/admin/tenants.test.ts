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

describe('tenants', () => {
  it('are made with everything denied, read, patched, and deleted', async () => {
    const made = await admin('POST', '/tenants', { name: ' Acme ' });
    expect(made.status).toBe(201);
    expect(made.body).toMatchObject({
      name: 'Acme',
      status: 'active',
      policy: { allow: [] },
      limits: {},
      upstream: {},
      version: 1,
    });
    const { id } = made.body;
    expect(made.headers.get('location')).toBe(`/admin/v1/tenants/${id}`);
    expect((await admin('GET', `/tenants/${id}`)).body).toEqual(made.body);

    const patched = await admin('PATCH', `/tenants/${id}`, {
      status: 'suspended',
      policy: { allow: [{ function: 'orders-*', qualifiers: ['live'] }] },
      upstream: { region: 'eu-west-1' },
    });
    expect(patched).toMatchObject({ status: 200, body: { name: 'Acme', status: 'suspended', version: 2 } });
    const cleared = await admin('PATCH', `/tenants/${id}`, { upstream: { region: null } });
    expect(cleared.body.upstream).toEqual({});
    expect(cleared.body.policy.allow).toHaveLength(1);

    expect((await admin('DELETE', `/tenants/${id}`)).status).toBe(204);
    expect((await admin('GET', `/tenants/${id}`)).status).toBe(404);
    expect((await admin('DELETE', `/tenants/${id}`)).status).toBe(404);
  });

  it('are listed in pages, oldest first, as they stand now', async () => {
    const ids: string[] = [];
    for (const name of ['one', 'two', 'three']) ids.push((await admin('POST', '/tenants', { name })).body.id);
    await admin('PATCH', `/tenants/${ids[1]}`, { name: 'second', status: 'suspended' });
    const seen: { id: string; name: string; status: string }[] = [];
    let cursor = '';
    do {
      const page = await admin('GET', `/tenants?limit=2${cursor && `&cursor=${cursor}`}`);
      expect(page.body.tenants.length).toBeLessThanOrEqual(2);
      seen.push(...page.body.tenants);
      cursor = page.body.cursor;
    } while (cursor);
    const ours = seen.filter(({ id }) => ids.includes(id));
    expect(ours.map(({ name, status }) => [name, status])).toEqual([
      ['one', 'active'],
      ['second', 'suspended'],
      ['three', 'active'],
    ]);
  });

  it('take two patches at once, and lose neither', async () => {
    const { id } = (await admin('POST', '/tenants', { name: 'busy' })).body;
    const results = await Promise.all([
      admin('PATCH', `/tenants/${id}`, { name: 'renamed' }),
      admin('PATCH', `/tenants/${id}`, { status: 'suspended' }),
      admin('PATCH', `/tenants/${id}`, { upstream: { tenantId: 'acme' } }),
    ]);
    expect(results.map(({ status }) => status)).toEqual([200, 200, 200]);
    expect((await admin('GET', `/tenants/${id}`)).body).toMatchObject({
      name: 'renamed',
      status: 'suspended',
      upstream: { tenantId: 'acme' },
      version: 4,
    });
  });

  it.each([
    ['#/name', {}],
    ['#/name', { name: '' }],
    ['#/name', { name: 1 }],
    ['#/nmae', { name: 'a', nmae: 'b' }],
    ['#/policy/allow/0/function', { name: 'a', policy: { allow: [{}] } }],
    ['#/policy/allow/0/function', { name: 'a', policy: { allow: [{ function: 'a b' }] } }],
    ['#/policy/allow/1/function', { name: 'a', policy: { allow: [{ function: 'a' }, { function: 'a:live' }] } }],
    ['#/policy/allow/0/qualifiers/0', { name: 'a', policy: { allow: [{ function: 'a', qualifiers: ['no!'] }] } }],
    ['#/policy/allow/0/qualifiers', { name: 'a', policy: { allow: [{ function: 'a', qualifiers: [] }] } }],
    ['#/policy/allow/0/types/0', { name: 'a', policy: { allow: [{ function: 'a', types: ['event'] }] } }],
    ['#/policy/allow/0/maxPayloadBytes', { name: 'a', policy: { allow: [{ function: 'a', maxPayloadBytes: 0 }] } }],
    ['#/policy/allow/0/function', { name: 'a', policy: { allow: [{ function: '...' }] } }],
    [
      '#/policy/allow/0/function',
      { name: 'a', policy: { allow: [{ function: 'orders-*' }], deny: [{ function: 'orders*' }] } },
    ],
    ['#/policy/deny/0/logTail', { name: 'a', policy: { deny: [{ function: 'a', logTail: true }] } }],
    [
      '#/policy/deny/0/function',
      { name: 'a', policy: { deny: [{ function: 'arn:aws:lambda:eu-west-1:*:function:f' }] } },
    ],
    ['#/policy/publish/a%20b', { name: 'a', policy: { allow: [{ function: '*' }], publish: { 'a b': 'f' } } }],
    ['#/policy/publish/f', { name: 'a', policy: { allow: [{ function: '*' }], publish: { f: '123456789012:f' } } }],
    ['#/policy/publish/f', { name: 'a', policy: { allow: [{ function: 'g' }], publish: { f: 'f' } } }],
    ['#/policy/ipAllow', { name: 'a', policy: { ipAllow: [] } }],
    ['#/policy/ipAllow/0', { name: 'a', policy: { ipAllow: ['203.0.113.1/24'] } }],
    ['#/policy/corsOrigins/0', { name: 'a', policy: { corsOrigins: ['https://app.example/'] } }],
    ['#/policy/corsOrigins/0', { name: 'a', policy: { corsOrigins: ['*'] } }],
    ['#/limits/quotas/0/requests', { name: 'a', limits: { quotas: [{ period: 'day', requests: 0 }] } }],
    ['#/limits/rate/burst', { name: 'a', limits: { rate: { perSecond: 1 } } }],
    ['#/limits/rate/perSecond', { name: 'a', limits: { rate: { perSecond: 0, burst: 1 } } }],
    ['#/limits/concurrency', { name: 'a', limits: { concurrency: 1.5 } }],
    ['#/limits/maxPayloadBytes', { name: 'a', limits: { maxPayloadBytes: 6_291_457 } }],
    ['#/limits/maxDurationSeconds', { name: 'a', limits: { maxDurationSeconds: 901 } }],
    ['#/limits/quotas/0', { name: 'a', limits: { quotas: [{ period: 'day' }] } }],
    ['#/limits/quotas/0/period', { name: 'a', limits: { quotas: [{ period: 'year', requests: 1 }] } }],
    [
      '#/limits/quotas/1/period',
      {
        name: 'a',
        limits: {
          quotas: [
            { period: 'day', requests: 1 },
            { period: 'day', payloadBytes: 1 },
          ],
        },
      },
    ],
    ['#/limits/serveSeconds', { name: 'a', limits: { serveSeconds: 3 } }],
    ['#/limits/onLimitsUnavailable', { name: 'a', limits: { onLimitsUnavailable: 'allow' } }],
    ['#/limits/perMinute', { name: 'a', limits: { perMinute: 1 } }],
    ['#/meterDuration', { name: 'a', meterDuration: 'yes' }],
    ['#/upstream/region', { name: 'a', upstream: { region: 'mars-north-1' } }],
    ['#/upstream/destination', { name: 'a', upstream: { destination: 'other' } }],
    ['#/id', { name: 'a', id: 'mine' }],
    ['#/name', { name: 'a\u0007b' }],
    ['#/a~1b%20c', { name: 'a', 'a/b c': 1 }],
    ['#/policy/maxPresignedSeconds', { name: 'a', policy: { maxPresignedSeconds: 604_801 } }],
  ])('name %s when it is wrong in %j', async (pointer, document) => {
    const { status, body } = await admin('POST', '/tenants', document);
    expect(status).toBe(400);
    expect(body.errors.map((error: { pointer: string }) => error.pointer)).toContain(pointer);
    expect(body.detail).not.toBe('');
  });

  it.each([
    ['not json', 'application/json', 400],
    ['', 'application/json', 400],
    ['{"name":"a"}', 'text/plain', 415],
  ])('refuse the body %j of type %s as a mistake of the sender', async (text, type, expected) => {
    const { status, body } = await admin('POST', '/tenants', text, { 'content-type': type });
    expect(status).toBe(expected);
    expect(body.title).toBe('Invalid request');
  });

  it('refuse a patch that would make the tenant wrong, and change nothing', async () => {
    const { id } = (await admin('POST', '/tenants', { name: 'steady' })).body;
    for (const patch of [
      { name: null },
      { status: null },
      { policy: { allow: [{ function: '!' }] } },
      { version: 9 },
      { policy: [] },
    ]) {
      expect((await admin('PATCH', `/tenants/${id}`, patch)).status).toBe(400);
    }
    expect((await admin('GET', `/tenants/${id}`)).body).toMatchObject({ name: 'steady', version: 1 });
  });

  it('that were never minted are not found, without an object being made for them', async () => {
    for (const id of ['nobody', 't1_baaaaaaaaaaaaaaaaaaaaaaaaaaaaa', `t1_b${'a'.repeat(29)}`]) {
      expect((await admin('GET', `/tenants/${id}`)).status).toBe(404);
      expect((await admin('POST', `/tenants/${id}/keys`, {})).status).toBe(404);
    }
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
