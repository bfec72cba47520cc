import { describe, expect, it } from 'vitest';
import { admin } from '../client.ts';

const makeTenant = async () => (await admin('POST', '/tenants', { name: 'Acme' })).body.id as string;

describe('D4: If-Match, by the version in its tags', () => {
  it.each([
    ['W/"1"', 200],
    ['"1"', 200],
    ['*', 200],
    ['"7", W/"1"', 200],
    ['"a,b" , "1"', 200],
    ['W/"2"', 412],
    ['"2"', 412],
    ['"nope"', 412],
    ['nope', 412],
    ['1', 412],
    ['"01"', 412],
    ['"1-gzip"', 412],
    ['"1', 412],
    ['w/"*"', 412],
  ])('%s is answered %i, by PATCH and by DELETE', async (ifMatch, status) => {
    const id = await makeTenant();
    const patched = await admin('PATCH', `/tenants/${id}`, { name: 'Acme' }, { 'if-match': ifMatch });
    expect([patched.status, patched.body.name ?? patched.body.title]).toEqual([
      status,
      status === 200 ? 'Acme' : 'Precondition failed',
    ]);
    const other = await makeTenant();
    const deleted = await admin('DELETE', `/tenants/${other}`, undefined, { 'if-match': ifMatch });
    expect(deleted.status).toBe(status === 200 ? 204 : 412);
    expect((await admin('GET', `/tenants/${other}`)).status).toBe(status === 200 ? 404 : 200);
  });

  it('takes the tag of an answer that an edge has weakened', async () => {
    const id = await makeTenant();
    const { headers } = await admin('GET', `/tenants/${id}`);
    const weakened = `W/${headers.get('etag')}`;
    expect((await admin('PATCH', `/tenants/${id}`, { name: 'B' }, { 'if-match': weakened })).status).toBe(200);
    expect((await admin('PATCH', `/tenants/${id}`, { name: 'C' }, { 'if-match': weakened })).status).toBe(412);
  });
});

describe('If-Match', () => {
  it('lets a change through only while the tenant is as it was read', async () => {
    const id = await makeTenant();
    const read = await admin('GET', `/tenants/${id}`);
    const ifMatch = { 'if-match': read.headers.get('etag') ?? '' };
    expect(ifMatch).toEqual({ 'if-match': '"1"' });
    const changed = await admin('PATCH', `/tenants/${id}`, { name: 'B' }, ifMatch);
    expect([changed.status, changed.headers.get('etag')]).toEqual([200, '"2"']);
    const lost = await admin('PATCH', `/tenants/${id}`, { name: 'C' }, ifMatch);
    expect([lost.status, lost.body.title]).toEqual([412, 'Precondition failed']);
    expect((await admin('DELETE', `/tenants/${id}`, undefined, ifMatch)).status).toBe(412);
    expect((await admin('GET', `/tenants/${id}`)).body).toMatchObject({ name: 'B', version: 2 });
    expect((await admin('PATCH', `/tenants/${id}`, { name: 'C' }, { 'if-match': '*' })).status).toBe(200);
    expect((await admin('PATCH', `/tenants/${id}`, { name: 'D' }, { 'if-match': 'W/"2"' })).status).toBe(412);
    expect((await admin('DELETE', `/tenants/${id}`, undefined, { 'if-match': '"3"' })).status).toBe(204);
  });

  it('lets one of two changes at once through', async () => {
    const id = await makeTenant();
    const both = await Promise.all(
      ['a', 'b'].map((name) => admin('PATCH', `/tenants/${id}`, { name }, { 'if-match': '"1"' })),
    );
    expect(both.map(({ status }) => status).sort()).toEqual([200, 412]);
  });
});
