import { describe, expect, it } from 'vitest';
import { admin } from './client.ts';

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
