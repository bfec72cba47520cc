import { describe, expect, it } from 'vitest';
import { type PlantedFault, startFaultyProxy } from '../fuzz/admin/faults.ts';
import { watch } from '../support/check-answers-setup.ts';
import { runCli } from '../support/cli.ts';
import { makeTenant, send } from '../support/postern.ts';
import { usePostern } from '../support/use-postern.ts';

const postern = usePostern();

interface RequestOptions {
  readonly method: string;
  readonly headers: Record<string, string>;
}

const TENANTS = '/admin/v1/tenants';
const EXTRA_MEMBER: PlantedFault = {
  name: 'an extra member',
  operation: 'listTenants',
  method: 'GET',
  path: '/tenants',
  plant: (answer) => {
    answer.body = JSON.stringify({ ...JSON.parse(answer.body), planted: true });
  },
  report: /planted/,
};

// Each answer is held to the OpenAPI document, as in every test (`support/check-answers-setup.ts`): here are all statuses.
describe('D14: answers of the admin API', () => {
  it('are as its document says, the good ones and the refusals', async () => {
    const { id, keyId } = await makeTenant(postern, [{ function: 'hello' }], {
      limits: { rate: { perSecond: 5, burst: 5 }, quotas: [{ period: 'day', requests: 10 }] },
    });
    const seen = new Set<number>();
    const ask = async (method: string, template: string, body?: unknown, headers: Record<string, string> = {}) => {
      const path = template.replace('{tenantId}', id).replace('{keyId}', keyId).replace('{adminTokenId}', 'a1_x');
      const answer = await send(postern.gateway, `/admin/v1${path}`, {
        method,
        headers: {
          authorization: `Bearer ${postern.adminToken}`,
          ...(body !== undefined && { 'content-type': 'application/json' }),
          ...headers,
        },
        ...(body !== undefined && { body: typeof body === 'string' ? body : JSON.stringify(body) }),
      });
      seen.add(answer.status);
      return answer.body.length > 0 ? JSON.parse(String(answer.body)) : undefined;
    };
    await ask('POST', '/tenants', { name: 'Acme', policy: { allow: [{ function: 'a', types: ['Event'] }] } });
    await ask('POST', '/tenants', { name: '' });
    await ask('POST', '/tenants', '{', {});
    await ask('POST', '/tenants', '{}', { 'content-type': 'text/plain' });
    await ask('GET', '/tenants?limit=1');
    await ask('GET', '/tenants?limit=0');
    await ask('GET', '/tenants', undefined, { authorization: 'Bearer wrong' });
    await ask('GET', '/tenants/{tenantId}');
    await ask('PATCH', '/tenants/{tenantId}', { name: 'B', limits: { rate: null }, meterDuration: true });
    await ask('PATCH', '/tenants/{tenantId}', { unknown: null });
    await ask('PATCH', '/tenants/{tenantId}', { name: 'C' }, { 'if-match': '"999"' });
    await ask('POST', '/tenants/{tenantId}/keys', { name: 'one', expiresAt: '2100-01-01T00:00:00Z' });
    await ask('GET', '/tenants/{tenantId}/keys');
    await ask('POST', '/tenants/{tenantId}/keys/{keyId}/rotate', {});
    await ask('POST', '/tenants/{tenantId}/keys/{keyId}/rotate', {});
    await ask('POST', '/tenants/{tenantId}/explain', { function: 'hello' });
    await ask('POST', '/tenants/{tenantId}/explain', { function: 'other', payloadBytes: 1e9 });
    await ask('GET', '/tenants/{tenantId}/usage');
    await ask('GET', '/tenants/{tenantId}/usage?step=second');
    await ask('DELETE', '/tenants/{tenantId}/keys/{keyId}');
    await ask('DELETE', '/tenants/{tenantId}/keys/{keyId}');
    const token = await ask('POST', '/admin-tokens', { name: 'viewer', access: 'read' });
    await ask('POST', '/admin-tokens', { name: 'VIEWER', access: 'read' });
    await ask('POST', '/tenants', { name: 'x' }, { authorization: `Bearer ${token.token}` });
    await ask('GET', '/admin-tokens');
    await ask('DELETE', '/admin-tokens/{adminTokenId}');
    await ask('DELETE', '/tenants/{tenantId}', undefined, { 'if-match': 'W/"1"' });
    await ask('DELETE', '/tenants/{tenantId}');
    await ask('GET', '/tenants/{tenantId}');
    await ask('GET', '/tenants/{tenantId}/audit');
    await ask('GET', '/audit');
    expect([...seen].sort()).toEqual([200, 201, 204, 400, 401, 403, 404, 409, 412, 415]);
  });

  it.each([
    ['fetch', (origin: string, init: RequestOptions) => fetch(origin + TENANTS, init)],
    ['node:http', (origin: string, init: RequestOptions) => send(origin, TENANTS, init)],
  ])('are checked in each test that asks by %s: an extra member fails it', async (_, ask) => {
    const proxy = await startFaultyProxy(postern.gateway, EXTRA_MEMBER);
    const init = { method: 'GET', headers: { authorization: `Bearer ${postern.adminToken}` } };
    try {
      await ask(postern.gateway, init);
      await watch.settled();
      expect(watch.takeFaults()).toEqual([]);
      await ask(proxy.url, init);
      await watch.settled();
      // What is not taken fails this test when it ends.
      expect(watch.takeFaults().join()).toContain('planted');
    } finally {
      proxy.close();
    }
  });

  it('are checked for commands too: one that is answered an extra member fails its test', async () => {
    const proxy = await startFaultyProxy(postern.gateway, EXTRA_MEMBER);
    const list = (url: string) =>
      runCli(['tenants', 'list'], { env: { POSTERN_URL: url, POSTERN_ADMIN_TOKEN: postern.adminToken } });
    try {
      expect((await list(postern.gateway)).code).toBe(0);
      await expect(list(proxy.url)).rejects.toThrow('planted');
    } finally {
      proxy.close();
    }
  });
});
