import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Emulator, startEmulator } from '../../src/emulator/start.ts';
import { load } from '../support/cluster.ts';
import { childrenOf } from '../support/memory.ts';
import { admin, makeTenant, takeCalls } from '../support/postern.ts';
import { type RunningServe, settingsFor, startServe } from '../support/serve.ts';

const LAMBDA = { accessKeyId: 'AKIDEXAMPLE', secretAccessKey: 'secret-of-the-operator' };
const KILLS = 6;
const QUOTA = 1_000;

const wait = (ms: number) => new Promise<void>((waited) => setTimeout(waited, ms));

let stateDir: string;
let emulator: Emulator;
let serve: RunningServe;
beforeAll(async () => {
  stateDir = await mkdtemp(join(tmpdir(), 'postern-crash-'));
  emulator = await startEmulator({ port: 0, credentials: LAMBDA, log: () => {} });
});
afterAll(async () => {
  serve?.kill();
  await serve?.exited;
  await emulator?.close();
  await rm(stateDir, { recursive: true, force: true });
});

interface Tenant {
  readonly id: string;
  readonly name: string;
  readonly status: string;
}

describe.runIf(process.platform === 'linux')('postern serve, killed under load', () => {
  it('loses no change that was answered, and never lets more through than the quota', async () => {
    const settings = settingsFor(emulator.url, LAMBDA);
    const start = (port: string) => startServe(['--state', stateDir, '--port', port], settings);
    serve = await start('0');
    const { gateway } = serve;
    const { port } = new URL(gateway);
    const target = { gateway, adminToken: settings.POSTERN_ADMIN_TOKEN };
    const { id, apiKey } = await makeTenant(target, [{ function: '*' }], {
      limits: { quotas: [{ period: 'month', requests: QUOTA }] },
    });

    /** By turns workerd dies, which is started again, and what started it. */
    const crash = async (kill: number) => {
      const [workerd = 0] = childrenOf(serve.pid);
      if (kill % 2 === 0) {
        process.kill(workerd, 'SIGKILL');
        await expect.poll(() => childrenOf(serve.pid).some((child) => child !== workerd)).toBe(true);
        return;
      }
      serve.kill('SIGKILL');
      await serve.exited;
      serve = await start(port);
    };

    // An operator at work, all the while. What was not answered may have been done or not.
    const answered = new Map<string, Partial<Tenant>>();
    let isOver = false;
    const attempt = (method: string, path: string, document: object) =>
      admin<Tenant>(target, method, path, document).catch(() => wait(20).then(() => undefined));
    const operator = async () => {
      for (let at = 0; !isOver; at++) {
        const name = `tenant ${at}`;
        const made = await attempt('POST', '/tenants', { name });
        if (made?.status !== 201) continue;
        const { id } = made.body;
        answered.set(id, { name });
        const changed = await attempt('PATCH', `/tenants/${id}`, { status: 'suspended' });
        if (changed?.status === 200) answered.set(id, { name, status: 'suspended' });
      }
    };
    const working = operator();

    let kills = 0;
    let crashing: Promise<void> | undefined;
    const before = (call: number) => {
      if (call >= 130 * (kills + 1) && kills < KILLS) crashing = crash(kills++);
      return crashing;
    };
    const { counts } = await load([gateway], { calls: 2_500, connections: 32, apiKey, before });
    isOver = true;
    await working;

    expect(kills).toBe(KILLS);
    const reached = (await takeCalls(emulator.url)).length;
    console.log(
      'killed %i times: %i of %i reached Lambda; %j; %i tenants',
      kills,
      reached,
      QUOTA,
      counts,
      answered.size,
    );
    expect(reached).toBeLessThanOrEqual(QUOTA);
    // A killed isolate holds at most 1 in 100 of what is left, or 8 for calls that wait.
    expect(reached).toBeGreaterThanOrEqual(QUOTA - KILLS * 10);
    expect(counts['200']).toBeLessThanOrEqual(reached);
    expect(counts['429 limit-month-requests']).toBeGreaterThan(0);

    expect(answered.size).toBeGreaterThan(KILLS);
    for (const [tenant, expected] of answered) {
      const { status, body } = await admin<Tenant>(target, 'GET', `/tenants/${tenant}`);
      expect([status, body]).toEqual([200, expect.objectContaining(expected)]);
    }
    const usage = await admin<{ limits: { remaining: number }[] }>(target, 'GET', `/tenants/${id}/usage`);
    expect(usage.body.limits).toMatchObject([{ remaining: 0 }]);
  });
});
