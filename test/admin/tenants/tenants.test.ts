import { describe, expect, it } from 'vitest';
import { admin } from '../client.ts';

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

  it('are listed in pages, oldest first, in their current state', async () => {
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
