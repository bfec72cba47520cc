import { randomBytes } from 'node:crypto';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { type Cluster, startCluster } from '../support/cluster.ts';
import { admin, invokePath, makeTenant, send, startPostern } from '../support/postern.ts';

const call = async (gateway: string, apiKey: string): Promise<string> => {
  const headers = { 'x-api-key': apiKey, 'content-type': 'application/json' };
  const { status, headers: answered } = await send(gateway, invokePath('hello'), { headers, body: '{}' });
  return String(answered['x-postern-refusal'] ?? status);
};

/** Calls all gateways with one key, on some connections, until stopped. @returns the answers with their times. */
function load({ gateways }: Cluster, apiKey: string) {
  let stopped = false;
  const seen: { sentAtMs: number; outcome: string }[] = [];
  const connection = async (gateway: string) => {
    while (!stopped) {
      const sentAtMs = Date.now();
      seen.push({ sentAtMs, outcome: await call(gateway, apiKey) });
    }
  };
  const done = Promise.all(gateways.flatMap((gateway) => Array.from({ length: 4 }, () => connection(gateway))));
  return {
    seen,
    async stop() {
      stopped = true;
      await done;
    },
  };
}

it('refuses a revoked key on every isolate within 5 seconds, under load', async () => {
  const cluster = await startCluster(3);
  try {
    const [gateway = ''] = cluster.gateways;
    const tenant = await makeTenant({ gateway, adminToken: cluster.adminToken }, [{ function: 'hello' }]);
    const running = load(cluster, tenant.apiKey);
    const served = () => running.seen.filter(({ outcome }) => outcome === '200').length;
    await expect.poll(served, { timeout: 20_000 }).toBeGreaterThan(100);
    const { status } = await cluster.admin('DELETE', `/tenants/${tenant.id}/keys/${tenant.keyId}`);
    const revokedAtMs = Date.now();
    expect(status).toBe(204);
    await expect.poll(() => Date.now() - revokedAtMs, { timeout: 10_000, interval: 100 }).toBeGreaterThan(6_000);
    await running.stop();
    const late = running.seen.filter(({ sentAtMs }) => sentAtMs > revokedAtMs + 5_000);
    expect(late.length).toBeGreaterThan(0);
    expect([...new Set(late.map(({ outcome }) => outcome))]).toEqual(['key-revoked']);
    expect([...new Set(running.seen.map(({ outcome }) => outcome))].sort()).toEqual(['200', 'key-revoked']);
    const lastGoodMs = Math.max(...running.seen.filter(({ outcome }) => outcome === '200').map((one) => one.sentAtMs));
    console.log(`the last call by the revoked key was sent ${lastGoodMs - revokedAtMs} ms after the answer`);
  } finally {
    await cluster.stop();
  }
});

it('goes on serving keys of the old root key while the new one mints', async () => {
  const state = await mkdtemp(join(tmpdir(), 'postern-root-'));
  try {
    const before = await startPostern({ stateDir: state });
    const tenant = await makeTenant(before, [{ function: 'hello' }]);
    await before.stop();

    const file = join(state, 'state.json');
    const secrets = JSON.parse(await readFile(file, 'utf8'));
    await writeFile(
      file,
      JSON.stringify({ ...secrets, rootKeys: `2:${randomBytes(32).toString('base64')},${secrets.rootKeys}` }),
    );

    const after = await startPostern({ stateDir: state });
    try {
      expect(await call(after.gateway, tenant.apiKey)).toBe('200');
      const path = `/tenants/${tenant.id}/keys/${tenant.keyId}/rotate`;
      const { body } = await admin<{ id: string; apiKey: string }>(after, 'POST', path, { graceSeconds: 0 });
      expect(body.id).toMatch(/^k2_t1_/);
      expect(await call(after.gateway, body.apiKey)).toBe('200');
      await expect.poll(() => call(after.gateway, tenant.apiKey), { timeout: 5_000 }).toBe('key-expired');
      expect((await makeTenant(after, [{ function: 'hello' }])).id).toMatch(/^t2_/);
    } finally {
      await after.stop();
    }
  } finally {
    await rm(state, { recursive: true, force: true });
  }
});
