import { describe, expect, it } from 'vitest';
import { admin } from '../client.ts';

const make = async (name: string, access: 'full' | 'read', more: object = {}) =>
  admin('POST', '/admin-tokens', { name, access, ...more });
const as = (token: string) => ({ authorization: `Bearer ${token}` });

describe('admin tokens', () => {
  it('are named, shown once, and named in the audit trail of what they did', async () => {
    const { status, body } = await make('alice', 'full');
    expect(status).toBe(201);
    expect(body.token).toMatch(/^posternadmin_a1_[a-z2-7]{16}_[a-z2-7]{52}$/);
    const made = await admin('POST', '/tenants', { name: 'Acme' }, as(body.token));
    expect(made.status).toBe(201);
    const trail = await admin('GET', `/tenants/${made.body.id}/audit`);
    expect(trail.body.entries[0]).toMatchObject({ actor: 'alice', action: 'tenant.create' });
    const listed = (await admin('GET', '/admin-tokens')).body;
    expect(listed.adminTokens).toContainEqual({
      id: body.id,
      name: 'alice',
      access: 'full',
      createdAt: body.createdAt,
      expiresAt: null,
    });
    expect(JSON.stringify(listed)).not.toContain(body.token.split('_').at(-1));
  });

  it('may be good for reading only', async () => {
    const { token } = (await make('viewer', 'read')).body;
    const { id } = (await admin('POST', '/tenants', { name: 'Acme', policy: { allow: [{ function: 'f' }] } })).body;
    expect((await admin('GET', `/tenants/${id}`, undefined, as(token))).status).toBe(200);
    expect((await admin('GET', '/openapi.json', undefined, as(token))).status).toBe(200);
    expect((await admin('POST', `/tenants/${id}/explain`, { function: 'f' }, as(token))).status).toBe(200);
    for (const [method, path, body] of [
      ['POST', '/tenants', { name: 'x' }],
      ['PATCH', `/tenants/${id}`, { status: 'suspended' }],
      ['DELETE', `/tenants/${id}`],
      ['POST', `/tenants/${id}/keys`, {}],
      ['POST', '/admin-tokens', { name: 'more', access: 'full' }],
    ] as const) {
      expect([method, path, (await admin(method, path, body, as(token))).status]).toEqual([method, path, 403]);
    }
    expect((await admin('GET', `/tenants/${id}`)).body.status).toBe('active');
  });

  it('are refused once they are revoked, expired, or were never made', async () => {
    const revoked = (await make('leaver', 'full')).body;
    expect((await admin('DELETE', `/admin-tokens/${revoked.id}`)).status).toBe(204);
    expect((await admin('DELETE', `/admin-tokens/${revoked.id}`)).status).toBe(404);
    const expired = (await make('past', 'full', { expiresAt: '2020-01-01T00:00:00Z' })).body;
    const other = (await make('other', 'full')).body;
    const forged = other.token.replace(/.$/, (last: string) => (last === 'a' ? 'b' : 'a'));
    for (const token of [revoked.token, expired.token, forged, 'posternadmin_', `${other.token}x`]) {
      expect((await admin('GET', '/tenants', undefined, as(token))).status).toBe(401);
    }
    expect((await admin('GET', '/tenants', undefined, as(other.token))).status).toBe(200);
  });

  it('have unique names, and the audit trail records their creation and end', async () => {
    const { body } = await make('twice', 'read');
    expect((await make('twice', 'full')).status).toBe(409);
    expect((await make('root', 'full')).status).toBe(409);
    expect((await make('odd', 'admin' as 'full')).body.errors[0].pointer).toBe('#/access');
    await admin('DELETE', `/admin-tokens/${body.id}`);
    const { entries } = (await admin('GET', '/audit?limit=2')).body;
    expect(entries).toMatchObject([
      { actor: 'root', action: 'admin-token.revoke', adminToken: { id: body.id, name: 'twice', access: 'read' } },
      { actor: 'root', action: 'admin-token.create', adminToken: { id: body.id, name: 'twice', access: 'read' } },
    ]);
  });
});
