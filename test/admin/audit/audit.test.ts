import { describe, expect, it } from 'vitest';
import { needOf } from '../../../src/admin/operation.ts';
import { admin } from '../client.ts';
import { planEveryOperation } from '../every-operation.ts';

const makeTenant = async (more: object = {}) =>
  (await admin('POST', '/tenants', { name: 'Acme', ...more })).body.id as string;
const makeKey = async (id: string, more: object = {}) => (await admin('POST', `/tenants/${id}/keys`, more)).body;
const auditOf = async (id: string, query = '') => (await admin('GET', `/tenants/${id}/audit${query}`)).body;

describe('the audit trail', () => {
  it('holds every change, who made it, and from what to what, the newest first', async () => {
    const id = await makeTenant({ limits: { concurrency: 5 } });
    await admin('PATCH', `/tenants/${id}`, { status: 'suspended', limits: { concurrency: 7 } });
    await admin('PATCH', `/tenants/${id}`, { name: 'Acme' });
    const key = await makeKey(id, { name: 'production' });
    const rotated = (await admin('POST', `/tenants/${id}/keys/${key.id}/rotate`, { graceSeconds: 60 })).body;
    await admin('DELETE', `/tenants/${id}/keys/${rotated.id}`);
    await admin('DELETE', `/tenants/${id}`);
    const { entries, cursor } = await auditOf(id);
    expect(cursor).toBeNull();
    expect(entries.map(({ actor, action }: { actor: string; action: string }) => `${actor} ${action}`)).toEqual([
      'root tenant.delete',
      'root key.revoke',
      'root key.rotate',
      'root key.create',
      'root tenant.change',
      'root tenant.create',
    ]);
    expect(entries[4].changes).toEqual([
      { pointer: '/limits/concurrency', from: 5, to: 7 },
      { pointer: '/status', from: 'active', to: 'suspended' },
    ]);
    expect(entries[2]).toMatchObject({ key: { id: key.id, name: 'production' }, successor: rotated.id });
    expect(Date.parse(entries[2].key.expiresAt)).toBeGreaterThan(Date.now());
    const text = JSON.stringify(entries);
    for (const secret of [key.apiKey, key.secretAccessKey, rotated.apiKey, rotated.secretAccessKey]) {
      expect(text).not.toContain(secret);
    }
  });

  it('grows by every operation that changes something, of a tenant or of the gateway, and by no other', async () => {
    const { tenantId, all } = await planEveryOperation();
    const newest = async () => {
      const trails = [await auditOf(tenantId, '?limit=1'), (await admin('GET', '/audit?limit=1')).body];
      return trails.map(({ entries }) => entries[0]?.id as number);
    };
    for (const { id, operation, path, body } of all) {
      const before = await newest();
      const { status } = await admin(operation.method, path, body);
      const isWritten = String(await newest()) !== String(before);
      expect([id, status, isWritten]).toEqual([id, operation.answer.status, needOf(operation) === 'change']);
    }
  });

  it('is read in pages', async () => {
    const id = await makeTenant();
    for (let time = 0; time < 4; time++) await admin('PATCH', `/tenants/${id}`, { name: `name ${time}` });
    const first = await auditOf(id, '?limit=3');
    const second = await auditOf(id, `?limit=3&cursor=${first.cursor}`);
    expect([first.entries.length, second.entries.length, second.cursor]).toEqual([3, 2, null]);
    expect((await admin('GET', `/tenants/${id}/audit?cursor=x`)).status).toBe(400);
  });
});
