import { runInDurableObject } from 'cloudflare:test';
import { env } from 'cloudflare:workers';
import { describe, expect, it } from 'vitest';
import { describeApi } from '../../src/admin/openapi.ts';
import { findAnswerFaults } from '../support/admin-answers.ts';
import { admin } from './client.ts';
import { planEveryOperation } from './every-operation.ts';

const makeTenant = async () => (await admin('POST', '/tenants', { name: 'Acme' })).body.id as string;
/** Changes the stored document of a tenant, as no change of the API can. */
const store = (id: string, change: (document: Record<string, unknown>) => object) =>
  runInDurableObject(env.TENANT.get(env.TENANT.idFromName(id)), (_, { storage }) => {
    const { document } = storage.sql.exec<{ document: string }>('SELECT document FROM tenant').one();
    storage.sql.exec('UPDATE tenant SET document = ?', JSON.stringify(change(JSON.parse(document))));
  });

describe('the check of every answer of the admin API', () => {
  it('is by the document that the gateway serves', async () => {
    expect((await admin('GET', '/openapi.json')).body).toEqual(JSON.parse(JSON.stringify(describeApi())));
  });

  it.each([
    ['at its top', (document: object) => ({ ...document, colour: 'red' }), '"colour"'],
    [
      'in its policy',
      (document: { policy?: object }) => ({ ...document, policy: { ...document.policy, colour: 'red' } }),
      '"colour"',
    ],
  ] as const)('catches an extra member of a tenant %s', async (_, plant, fault) => {
    const id = await makeTenant();
    await store(id, plant);
    await expect(admin('GET', `/tenants/${id}`)).rejects.toThrow(fault);
  });

  it('catches a member that is missing', async () => {
    const id = await makeTenant();
    await store(id, ({ limits: _, ...document }) => document);
    await expect(admin('GET', `/tenants/${id}`)).rejects.toThrow('"limits"');
  });

  it('catches an extra member wherever one can be, in the answer of every operation, and in a problem', async () => {
    const { all } = await planEveryOperation();
    const answers = [
      ...all.map(({ operation, path, body }) => [operation.answer.status, operation.method, path, body] as const),
      [400, 'POST', '/tenants', { name: '' }] as const,
    ];
    for (const [expected, method, path, body] of answers) {
      const { status, headers, body: answered } = await admin(method, path, body);
      expect([method, path, status]).toEqual([method, path, expected]);
      const faults = (text: string) =>
        findAnswerFaults({
          method,
          path: `/admin/v1${path}`,
          status,
          header: (name) => headers.get(name),
          body: text,
        });
      if (status === 204) {
        expect(faults('{"planted":true}')).toEqual([expect.stringContaining('has a body')]);
        continue;
      }
      expect(faults(JSON.stringify(answered))).toEqual([]);
      let planted = 0;
      for (const at of objectsIn(answered)) {
        at.planted = true;
        planted++;
        expect([method, path, faults(JSON.stringify(answered)).join()]).toEqual([
          method,
          path,
          expect.stringContaining('planted'),
        ]);
        delete at.planted;
      }
      expect(planted).toBeGreaterThan(0);
    }
  });

  it('catches a status, a media type and a body that are not described, and a header that is missing', () => {
    const answer = { method: 'GET', path: '/admin/v1/tenants/t1_x', status: 200, body: '' };
    const headers: Record<string, string> = { 'x-amzn-requestid': 'id', 'content-type': 'text/plain', etag: '"1"' };
    const header = (name: string) => headers[name];
    expect(findAnswerFaults({ ...answer, header })).toEqual([expect.stringContaining('is text/plain')]);
    const bare = (name: string) => (name === 'etag' ? null : header(name));
    expect(findAnswerFaults({ ...answer, header: bare })).toEqual([expect.stringContaining('lacks etag')]);
    expect(findAnswerFaults({ ...answer, status: 418, header })).toEqual([expect.stringContaining('in no document')]);
    expect(findAnswerFaults({ ...answer, method: 'DELETE', status: 204, body: '{}', header })).toEqual([
      expect.stringContaining('has a body'),
    ]);
  });
});

/** Members whose names or values are anybody's: the schema takes what comes. */
const FREE = new Set(['refused', 'functions', 'from', 'to', 'publish', 'claims']);

/** Every object in an answer whose members are described. */
function* objectsIn(value: unknown): Generator<Record<string, unknown>> {
  if (typeof value !== 'object' || value === null) return;
  if (!Array.isArray(value)) yield value as Record<string, unknown>;
  for (const [name, one] of Object.entries(value)) if (!FREE.has(name)) yield* objectsIn(one);
}
