import { spawnSync } from 'node:child_process';
import { mkdirSync, rmSync, truncateSync } from 'node:fs';
import { mkdtemp, readdir, readFile, rm, statfs, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Emulator, startEmulator } from '../../src/emulator/start.ts';
import { admin, invokePath, makeTenant, send } from '../support/postern.ts';
import { type RunningServe, settingsFor, startServe } from '../support/serve.ts';

const LAMBDA = { accessKeyId: 'AKIDEXAMPLE', secretAccessKey: 'secret-of-the-operator' };

let emulator: Emulator;
beforeAll(async () => {
  emulator = await startEmulator({ port: 0, credentials: LAMBDA, log: () => {} });
});
afterAll(() => emulator?.close());

const settings = () => settingsFor(emulator.url, LAMBDA);
const call = async (serve: RunningServe, apiKey: string) => {
  const headers = { 'x-api-key': apiKey, 'content-type': 'application/json' };
  const { status, headers: answered } = await send(serve.gateway, invokePath('hello'), { headers, body: '{}' });
  return [status, answered['x-postern-refusal']].filter((part) => part !== undefined).join(' ');
};

interface ErrorLine {
  readonly level?: string;
  readonly tenant?: string;
  readonly error?: string;
  readonly otherTenants?: readonly string[];
}
const errorsOf = (serve: RunningServe): ErrorLine[] =>
  [...serve.lines, ...serve.errors().split('\n')]
    .filter((line) => line.startsWith('{'))
    .map((line) => JSON.parse(line) as ErrorLine)
    .filter(({ level }) => level === 'error');

const wait = (ms: number) => new Promise<void>((waited) => setTimeout(waited, ms));
async function until(holds: () => Promise<boolean>): Promise<void> {
  for (const endsAtMs = Date.now() + 30_000; !(await holds()); await wait(100)) {
    if (Date.now() > endsAtMs) throw new Error('it has not come about within 30 s');
  }
}

/** A file system of its own of so many megabytes; undefined where that cannot be had. */
function mountSmall(folder: string): (() => void) | undefined {
  mkdirSync(folder);
  const mounted = spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=24m', 'tmpfs', folder]);
  return mounted.status === 0 ? () => void spawnSync('umount', ['-l', folder]) : undefined;
}

const root = await mkdtemp(join(tmpdir(), 'postern-broken-'));
const small = join(root, 'small');
const unmount = process.platform === 'linux' ? mountSmall(small) : undefined;
if (!unmount) console.warn('A9 is skipped: a tmpfs cannot be mounted here (it takes Linux and root)');
afterAll(async () => {
  unmount?.();
  await rm(root, { recursive: true, force: true });
});

describe.runIf(unmount)('A9: a full disk', () => {
  let serve: RunningServe;
  let target: { gateway: string; adminToken: string };
  const quotas = [{ period: 'day', requests: 1_000_000 }];
  const tenants: Record<string, { id: string; keyId: string; apiKey: string }> = {};
  const keyOf = (name: string) => tenants[name]?.apiKey ?? '';
  const filler = join(small, 'filler');
  let fullSinceMs = 0;

  beforeAll(async () => {
    const given = settings();
    serve = await startServe(['--state', small], given);
    target = { gateway: serve.gateway, adminToken: given.POSTERN_ADMIN_TOKEN };
    const all = [{ function: '*' }];
    tenants.unlimited = await makeTenant(target, all);
    tenants.quota = await makeTenant(target, all, { limits: { quotas } });
    tenants.rate = await makeTenant(target, all, { limits: { rate: { perSecond: 1_000, burst: 1_000 } } });
    tenants.slots = await makeTenant(target, all, { limits: { concurrency: 4 } });
    const open = { quotas, onLimitsUnavailable: 'serve', serveSeconds: 300 };
    tenants.open = await makeTenant(target, all, { limits: open });
    // One that nobody has called yet is met by reading alone.
    tenants.uncalled = await makeTenant(target, all);
    for (const name of ['unlimited', 'quota', 'rate', 'slots', 'open'])
      expect(await call(serve, keyOf(name))).toBe('200');
    await wait(1_500); // what was used is reported
    fullSinceMs = Date.now();
    for (let part = 0; ; part++) {
      const { bavail, bsize } = await statfs(small);
      if (bavail === 0) break;
      await writeFile(`${filler}.${part}`, Buffer.alloc(Math.max(1, Math.floor(bavail / 2)) * bsize)).catch(() => {});
    }
  });
  afterAll(async () => {
    serve?.kill();
    await serve?.exited;
  });

  it('serves tenants without limits and those that say so, and refuses the others, for longer than anything is remembered', async () => {
    // At first what was leased is used up.
    await until(async () => (await call(serve, keyOf('quota'))) === '503 limits-unavailable');
    for (
      const endsAtMs = fullSinceMs + (process.env.POSTERN_PROVE ? 60_000 : 7_000);
      Date.now() < endsAtMs;
      await wait(250)
    ) {
      expect(await call(serve, keyOf('unlimited'))).toBe('200');
      expect(await call(serve, keyOf('open'))).toBe('200');
      expect(await call(serve, keyOf('quota'))).toBe('503 limits-unavailable');
    }
    expect(await call(serve, keyOf('rate'))).toBe('503 limits-unavailable');
    expect(await call(serve, keyOf('slots'))).toBe('503 limits-unavailable');
    expect(await call(serve, keyOf('uncalled'))).toBe('200');
  });

  it('is logged with the tenant and the cause, at most once a second', () => {
    const lines = errorsOf(serve);
    const named = new Set(lines.flatMap(({ tenant = '', otherTenants = [] }) => [tenant, ...otherTenants]));
    for (const name of ['unlimited', 'quota', 'open']) expect(named).toContain(tenants[name]?.id);
    expect(lines.every(({ error }) => /SQLITE_FULL|disk is full/.test(error ?? ''))).toBe(true);
    expect(lines.length).toBeGreaterThan(0);
    expect(lines.length).toBeLessThanOrEqual(Math.ceil((Date.now() - fullSinceMs) / 1_000) + 1);
  });

  it('lets the operator read, and refuses changes with the reason', async () => {
    const { id, keyId } = tenants.quota ?? { id: '', keyId: '' };
    for (const path of ['', '/keys', '/usage', '/audit']) {
      expect([path, (await admin(target, 'GET', `/tenants/${id}${path}`)).status]).toEqual([path, 200]);
    }
    expect((await admin(target, 'GET', '/tenants')).status).toBe(200);
    for (const [method, path, document] of [
      ['PATCH', `/tenants/${id}`, { status: 'suspended' }],
      ['POST', `/tenants/${id}/keys`, {}],
      ['DELETE', `/tenants/${id}/keys/${keyId}`, undefined],
      ['POST', '/tenants', { name: 'More' }],
      ['POST', '/admin-tokens', { name: 'more', access: 'read' }],
    ] as const) {
      const answer = await admin<{ detail: string }>(target, method, path, document);
      expect([method, path, answer.status, answer.body.detail]).toEqual([
        method,
        path,
        507,
        expect.stringContaining('Storage is full'),
      ]);
    }
  });

  it('is over when there is room', async () => {
    for (const file of await readdir(small)) if (file.startsWith('filler')) rmSync(join(small, file));
    await until(async () => (await call(serve, keyOf('quota'))) === '200');
    for (const name of Object.keys(tenants)) await until(async () => (await call(serve, keyOf(name))) === '200');
    expect((await admin(target, 'PATCH', `/tenants/${tenants.quota?.id}`, { name: 'Again' })).status).toBe(200);
  });
});

describe('C9: a database that is not what was written', () => {
  let serve: RunningServe;
  const stateDir = join(root, 'state');
  const given: ReturnType<typeof settings> = {} as never;
  const tenants: Record<string, { id: string; apiKey: string }> = {};
  const target = () => ({ gateway: serve.gateway, adminToken: given.POSTERN_ADMIN_TOKEN });

  beforeAll(async () => {
    Object.assign(given, settings());
    serve = await startServe(['--state', stateDir], given);
    for (const name of ['emptied', 'removed', 'corrupt', 'scrambled', 'healthy', 'deleted']) {
      tenants[name] = await makeTenant(target(), [{ function: '*' }], { name: `the ${name} one` });
      expect(await call(serve, tenants[name].apiKey)).toBe('200');
    }
    await admin(target(), 'DELETE', `/tenants/${tenants.deleted?.id}`);
    serve.kill();
    await serve.exited;
    const folder = join(stateDir, 'objects', 'postern-Tenant');
    const fileOf = async (id = '') => {
      for (const file of await readdir(folder)) {
        if (!/^[0-9a-f]{64}\.sqlite$/.test(file)) continue;
        const database = new DatabaseSync(join(folder, file));
        const row = database.prepare('SELECT id FROM tenant').get() as { id: string } | undefined;
        database.exec('PRAGMA wal_checkpoint(TRUNCATE)');
        database.close();
        if (row?.id === id) return join(folder, file);
      }
      throw new Error(`no database holds ${id}`);
    };
    const [emptied, removed, corrupt, scrambled] = [
      await fileOf(tenants.emptied?.id),
      await fileOf(tenants.removed?.id),
      await fileOf(tenants.corrupt?.id),
      await fileOf(tenants.scrambled?.id),
    ];
    for (const file of [emptied, removed, corrupt, scrambled]) {
      for (const end of ['-wal', '-shm']) rmSync(file + end, { force: true });
    }
    truncateSync(emptied, 0);
    rmSync(removed);
    await writeFile(corrupt, 'x'.repeat(8_192));
    // The first page stays intact, and with it the list of tables.
    const pages = await readFile(scrambled);
    await writeFile(scrambled, pages.fill(0xa5, 4_096));
    serve = await startServe(['--state', stateDir], given);
  });
  afterAll(async () => {
    serve?.kill();
    await serve?.exited;
  });

  it.each(['emptied', 'removed'])('%s: is an error that names the tenant, not a tenant that is gone', async (name) => {
    const { id, apiKey } = tenants[name] ?? { id: '', apiKey: '' };
    expect(await call(serve, apiKey)).toBe('503 state-unavailable');
    for (const path of ['', '/keys', '/usage']) {
      const answer = await admin<{ detail: string }>(target(), 'GET', `/tenants/${id}${path}`);
      expect(answer).toMatchObject({ status: 503, body: { detail: expect.stringContaining(id) } });
      expect(answer.body.detail).toContain('is empty');
    }
    expect((await admin(target(), 'POST', `/tenants/${id}/keys`, {})).status).toBe(503);
    await until(async () => {
      await call(serve, apiKey);
      return errorsOf(serve).some(({ tenant, error }) => tenant === id && error?.includes(`the ${name} one`));
    });
  });

  it.each([
    // workerd keeps to itself why it could not open a file: its own line in the log is found by the reference.
    ['corrupt', /internal error; reference = /],
    ['scrambled', /SQLITE_CORRUPT/],
  ])('%s: is named, with its tenant', async (name, cause) => {
    const { id, apiKey } = tenants[name] ?? { id: '', apiKey: '' };
    expect(await call(serve, apiKey)).toBe('503 state-unavailable');
    await until(async () => {
      await call(serve, apiKey);
      return errorsOf(serve).some(({ tenant, error }) => tenant === id && cause.test(error ?? ''));
    });
    const answer = await admin<{ detail: string }>(target(), 'GET', `/tenants/${id}`);
    expect(answer).toMatchObject({ status: 503, body: { detail: expect.stringContaining(id) } });
  });

  it('leaves the others alone, and one that was deleted stays so', async () => {
    expect(await call(serve, tenants.healthy?.apiKey ?? '')).toBe('200');
    expect(await call(serve, tenants.deleted?.apiKey ?? '')).toMatch(/^403/);
    expect((await admin(target(), 'GET', `/tenants/${tenants.deleted?.id}`)).status).toBe(404);
    // An empty one can be taken off the list.
    expect((await admin(target(), 'DELETE', `/tenants/${tenants.emptied?.id}`)).status).toBe(204);
    expect((await admin(target(), 'GET', `/tenants/${tenants.emptied?.id}`)).status).toBe(404);
  });
});
