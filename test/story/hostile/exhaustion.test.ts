import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { invokePath } from '../../support/postern.ts';
import { sendRaw } from '../../support/raw-client.ts';
import { ATTACKS } from './attacks.ts';
import { describeHonest, type HonestReport, startHonest } from './honest.ts';
import { startWorld, type WorldOptions } from './world.ts';

const wait = (ms: number) => new Promise<void>((waited) => setTimeout(waited, ms));
const has = (command: string) => spawnSync(command, ['--version']).status === 0;

/** A file system of so many megabytes; undefined where this user may not mount one. */
function mountSmall(folder: string, megabytes: number): boolean {
  return spawnSync('mount', ['-t', 'tmpfs', '-o', `size=${megabytes}m`, 'tmpfs', folder]).status === 0;
}

const canMount = (() => {
  const folder = execFileSync('mktemp', ['-d'], { encoding: 'utf8' }).trim();
  const mounted = mountSmall(folder, 1);
  if (mounted) spawnSync('umount', [folder]);
  spawnSync('rmdir', [folder]);
  return mounted;
})();

const failuresOf = (reports: readonly HonestReport[]) =>
  reports.flatMap(({ name, failures }) => failures.map((failure) => `${name}: ${failure}`));

async function underAttack(options: WorldOptions, name: string, attackMs: number) {
  const world = await startWorld(options);
  try {
    const victim = await world.makeTenant();
    const attackers = [await world.makeTenant(), await world.makeTenant()] as const;
    const honest = startHonest(world.gateway, victim, { retriesLost: true });
    const over = new AbortController();
    const attack = ATTACKS.find((one) => one.name === name)?.run({ world, attackers, victim, until: over.signal });
    await wait(attackMs);
    over.abort();
    await attack;
    await wait(500);
    const reports = await honest.stop();
    console.log(`${name}, ${options.prefix?.join(' ')}: ${describeHonest(reports)}`);
    return { reports, log: world.serve.errors() };
  } finally {
    await world.stop();
  }
}

describe.runIf(process.platform === 'linux')('a gateway that has run out of something', () => {
  it.skipIf(!has('prlimit'))(
    'serves on when idle connections take every file descriptor (needs prlimit of util-linux)',
    async () => {
      const prefix = ['prlimit', '--nofile=1023:1023', '--'];
      const { reports } = await underAttack({ prefix }, 'idle connections', 4_000);
      expect(failuresOf(reports)).toEqual([]);
      for (const { name, latenciesMs } of reports) expect(latenciesMs.length, name).toBeGreaterThan(0);
    },
    120_000,
  );

  it.skipIf(!canMount)(
    'serves tenants without limits while its disk is full, and all when there is room again (needs leave to mount)',
    async () => {
      const folder = await mkdtemp(join(tmpdir(), 'postern-full-'));
      expect(mountSmall(folder, 12)).toBe(true);
      const world = await startWorld({ stateDir: folder });
      try {
        const unlimited = await world.makeTenant({
          concurrency: undefined,
          maxDurationSeconds: undefined,
          rate: undefined,
        });
        const limited = await world.makeTenant({
          concurrency: undefined,
          rate: undefined,
          quotas: [{ period: 'month', requests: 1_000 }],
        });
        const call = async (apiKey: string) =>
          (
            await sendRaw(world.gateway, invokePath('hello'), {
              headers: { 'x-api-key': apiKey, 'content-type': 'application/json' },
              body: '{}',
            })
          ).status;
        expect(await call(unlimited.apiKey)).toBe(200);
        expect(await call(limited.apiKey)).toBe(200);
        const filler = join(folder, 'filler');
        await writeFile(filler, Buffer.alloc(64 * 1024 * 1024)).catch(() => {});
        const honest = startHonest(world.gateway, unlimited);
        await wait(9_000);
        expect(failuresOf(await honest.stop())).toEqual([]);
        await rm(filler);
        await expect.poll(() => call(limited.apiKey), { timeout: 15_000 }).toBe(200);
        expect(world.serve.errors() + world.serve.lines.join('\n')).toMatch(/full/i);
      } finally {
        await world.stop();
        spawnSync('umount', [folder]);
        await rm(folder, { recursive: true, force: true });
      }
    },
    120_000,
  );

  it('serves within 10 s of an outage of Lambda, though every slot was in use', async () => {
    const world = await startWorld();
    try {
      const tenant = await world.makeTenant({ concurrency: 4 });
      const call = (ms: number) =>
        sendRaw(world.gateway, invokePath('slow'), {
          headers: { 'x-api-key': tenant.apiKey, 'content-type': 'application/json' },
          body: JSON.stringify({ ms }),
        }).then(({ status }) => status);
      expect(await call(1)).toBe(200);
      const lost = Array.from({ length: 4 }, () => call(30_000));
      await wait(300);
      const outage = world.lambda.outage(1_000);
      expect(new Set(await Promise.all(lost))).toEqual(new Set([502]));
      await outage;
      await expect.poll(() => call(1), { timeout: 12_000, interval: 200 }).toBe(200);
    } finally {
      await world.stop();
    }
  });
});
