import { cp, mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Bundle, bundleWorker } from '../../src/cli/local/bundle.ts';
import { startLocalGateway } from '../../src/cli/local/local-gateway.ts';
import { type Emulator, startEmulator } from '../../src/emulator/start.ts';
import { admin, invokePath, send } from '../support/postern.ts';
import { settingsFor, startServe } from '../support/serve.ts';

const FIXTURES = resolve(import.meta.dirname, '../fixtures/state');
const DAY_MS = 86_400_000;

/** `written.json`: who was made by the earlier commit, and what its admin API said of them at the end. */
interface Written {
  readonly by: 'dev' | 'serve';
  readonly atMs: number;
  readonly state: {
    readonly rootKeys: string;
    readonly adminToken: string;
    readonly lambda: { readonly accessKeyId: string; readonly secretAccessKey: string };
  };
  readonly tenants: Readonly<Record<'limited' | 'unlimited' | 'suspended', string>>;
  readonly keys: Readonly<Record<'limited' | 'unlimited' | 'suspended' | 'revoked' | 'deleted', { apiKey: string }>>;
  readonly rotated?: { readonly apiKey: string };
  readonly reader?: { readonly token: string };
  readonly said: {
    readonly list: { readonly tenants: readonly { id: string; name: string; status: string }[] };
    readonly tenant: Readonly<Record<string, Tenant>>;
    readonly keyList: Readonly<Record<string, { keys: readonly { id: string; name: string }[] }>>;
    readonly usage: Readonly<Record<string, { totals: { calls: number } } | undefined>>;
    readonly audit: Readonly<Record<string, { entries: readonly { action: string; at: string }[] } | undefined>>;
    readonly adminTokens?: { readonly adminTokens: readonly object[] };
    readonly gatewayAudit?: { readonly entries: readonly { action: string; at: string }[] };
  };
}

interface Tenant {
  readonly id: string;
  readonly name: string;
  readonly status: string;
  readonly version: number;
  readonly limits: object;
  readonly createdAt: string;
  readonly policy: { readonly allow: readonly { readonly function: string }[] };
}

const names = (await readdir(FIXTURES, { withFileTypes: true }))
  .filter((at) => at.isDirectory())
  .map(({ name }) => name);
const read = async (name: string) =>
  JSON.parse(await readFile(join(FIXTURES, name, 'written.json'), 'utf8')) as Written;

/** Every database of a class of object. */
async function databasesOf(folder: string, className: string): Promise<DatabaseSync[]> {
  const files = await readdir(folder, { recursive: true });
  return files
    .filter((file) => file.includes(`postern-${className}/`) && /[0-9a-f]{64}\.sqlite$/.test(file))
    .map((file) => new DatabaseSync(join(folder, file)));
}

/** Use is kept for 90 days: here the fixture was written yesterday. */
async function writtenYesterday(folder: string, atMs: number): Promise<void> {
  const moveMs = (Math.floor((Date.now() - atMs) / DAY_MS) - 1) * DAY_MS;
  for (const database of await databasesOf(folder, 'Tenant')) {
    const hasUse = database.prepare("SELECT 1 FROM sqlite_master WHERE name = 'use'").get() !== undefined;
    if (hasUse) {
      database.exec(`UPDATE use SET at_ms = at_ms + ${moveMs}; UPDATE rolled_up SET until_ms = until_ms + ${moveMs}`);
    }
    database.close();
  }
}

/** The columns of each table, however they came about. */
async function schemasOf(folder: string, className: string): Promise<unknown[]> {
  return (await databasesOf(folder, className)).map((database) => {
    const tables = database.prepare("SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name").all();
    const columns = tables.map(({ name }) => [name, database.prepare(`PRAGMA table_info("${name}")`).all()]);
    database.close();
    return columns;
  });
}

let bundle: Bundle;
let buildDir: string;
let emulator: Emulator;
beforeAll(async () => {
  buildDir = await mkdtemp(join(tmpdir(), 'postern-old-state-'));
  bundle = await bundleWorker(buildDir);
  const { state } = await read(names[0] ?? '');
  emulator = await startEmulator({ port: 0, credentials: state.lambda, log: () => {} });
});
afterAll(async () => {
  await emulator?.close();
  await rm(buildDir, { recursive: true, force: true });
});

interface Opened {
  readonly gateway: string;
  readonly lines: readonly string[];
  close(): Promise<void>;
}

/** Opens a copy of a state folder in today's code, as the command does that wrote it. */
async function open(by: Written['by'], folder: string, state: Written['state']): Promise<Opened> {
  const settings = {
    ...settingsFor(emulator.url, state.lambda),
    POSTERN_ROOT_KEYS: state.rootKeys,
    POSTERN_ADMIN_TOKEN: state.adminToken,
  };
  if (by === 'serve') {
    const serve = await startServe(['--state', folder], settings);
    const close = async () => {
      serve.kill();
      await serve.exited;
    };
    return { gateway: serve.gateway, lines: serve.lines, close };
  }
  const lines: string[] = [];
  const persistTo = join(folder, 'objects');
  const local = await startLocalGateway({ bundle, persistTo, port: 0, settings, log: (line) => lines.push(line) });
  return { gateway: local.url, lines, close: () => local.close() };
}

const call = async ({ gateway }: Opened, apiKey: string) => {
  const headers = { 'x-api-key': apiKey, 'content-type': 'application/json' };
  const answer = await send(gateway, invokePath('hello'), { headers, body: '{"name":"old"}' });
  return { status: answer.status, refusal: answer.headers['x-postern-refusal'], limits: answer.headers.ratelimit };
};

/** What a new database looks like. */
let fresh: { readonly tenant: unknown; readonly directory: unknown };
beforeAll(async () => {
  const folder = await mkdtemp(join(tmpdir(), 'postern-fresh-'));
  const { state } = await read(names[0] ?? '');
  const opened = await open('dev', folder, state);
  await admin({ gateway: opened.gateway, adminToken: state.adminToken }, 'POST', '/tenants', { name: 'Fresh' });
  await opened.close();
  const [[tenant], [directory]] = await Promise.all([schemasOf(folder, 'Tenant'), schemasOf(folder, 'Directory')]);
  fresh = { tenant, directory };
  await rm(folder, { recursive: true, force: true });
});

it('C4: has a state folder of every schema that ever landed', () => {
  const landed = ['f0b374e', 'fea900d', '57c7e81', '338fc9d', 'aafcbce', 'b4d092d', 'fea900d-b4d092d'];
  expect(names).toEqual(expect.arrayContaining(landed));
});

describe.each(names)('C4: state that was written by %s', (name) => {
  let written: Written;
  let folder: string;
  let opened: Opened;
  let target: { gateway: string; adminToken: string };
  beforeAll(async () => {
    written = await read(name);
    folder = await mkdtemp(join(tmpdir(), `postern-${name}-`));
    await cp(join(FIXTURES, name, 'objects'), join(folder, 'objects'), { recursive: true });
    await writtenYesterday(folder, written.atMs);
    opened = await open(written.by, folder, written.state);
    target = { gateway: opened.gateway, adminToken: written.state.adminToken };
  });
  afterAll(async () => {
    await opened?.close();
    await rm(folder, { recursive: true, force: true });
  });

  it('lists its tenants and keys as they were', async () => {
    const { said, tenants } = written;
    const list = await admin<Written['said']['list']>(target, 'GET', '/tenants?limit=100');
    expect(list.body.tenants).toMatchObject(said.list.tenants);
    for (const [kind, id] of Object.entries(tenants)) {
      const { status, body } = await admin<Tenant>(target, 'GET', `/tenants/${id}`);
      const before = said.tenant[kind];
      expect([status, body]).toMatchObject([
        200,
        { id, name: before?.name, status: before?.status, createdAt: before?.createdAt, limits: before?.limits },
      ]);
      const functions = (tenant: Tenant | undefined) => tenant?.policy.allow.map((rule) => rule.function);
      expect(functions(body)).toEqual(functions(before));
      const keys = await admin<{ keys: object[] }>(target, 'GET', `/tenants/${id}/keys`);
      expect(keys.body.keys).toMatchObject(
        said.keyList[kind]?.keys.map((key) => ({ id: key.id, name: key.name })) ?? [],
      );
    }
  });

  it('has the use and the audit trail of then', async () => {
    const { said, tenants } = written;
    const from = new Date(Date.now() - 3 * DAY_MS).toISOString();
    const to = new Date(Math.floor(Date.now() / DAY_MS) * DAY_MS).toISOString();
    for (const [kind, id] of Object.entries(tenants)) {
      const usage = await admin(target, 'GET', `/tenants/${id}/usage?from=${from}&to=${to}&step=hour`);
      const { calls = 0 } = said.usage[kind]?.totals ?? {};
      expect([usage.status, usage.body]).toMatchObject([200, { totals: { calls, forwarded: calls } }]);
      const audit = await admin<{ entries: object[] }>(target, 'GET', `/tenants/${id}/audit`);
      const entries = said.audit[kind]?.entries.map(({ action, at }) => ({ action, at })) ?? [];
      expect(audit.body.entries.slice(-entries.length || Number.POSITIVE_INFINITY)).toMatchObject(entries);
    }
    if (said.gatewayAudit) {
      const trail = await admin<{ entries: object[] }>(target, 'GET', '/audit');
      expect(trail.body.entries).toMatchObject(said.gatewayAudit.entries.map(({ action, at }) => ({ action, at })));
    }
  });

  it('serves its callers, with and without limits, and nobody else', async () => {
    const { keys, rotated } = written;
    const limited = rotated?.apiKey ?? keys.limited.apiKey;
    for (let n = 0; n < 2; n++) {
      expect(await call(opened, limited)).toMatchObject({ status: 200 });
      expect(await call(opened, keys.unlimited.apiKey)).toMatchObject({ status: 200 });
    }
    for (const refused of [keys.revoked, keys.deleted, keys.suspended]) {
      expect(await call(opened, refused.apiKey)).toMatchObject({ status: 403 });
    }
  });

  it('holds its tenants to their old limits and to new ones', async () => {
    const { tenants, keys, rotated, said } = written;
    const limited = rotated?.apiKey ?? keys.limited.apiKey;
    const had = Object.keys(said.tenant.limited?.limits ?? {}).length > 0;
    expect((await call(opened, limited)).limits !== undefined).toBe(had);
    for (const [id, apiKey] of [
      [tenants.limited, limited],
      [tenants.unlimited, keys.unlimited.apiKey],
    ] as const) {
      const limits = { rate: null, concurrency: 1, quotas: [{ period: 'month', requests: 1 }] };
      expect((await admin(target, 'PATCH', `/tenants/${id}`, { limits })).status).toBe(200);
      await call(opened, apiKey);
      expect(await call(opened, apiKey)).toMatchObject({ status: 429, refusal: 'limit-month-requests' });
    }
    expect(opened.lines.filter((line) => /constraint|SQLITE/.test(line))).toEqual([]);
  });

  it('knows its admin tokens, and makes new tenants, keys and tokens', async () => {
    if (written.reader) {
      const reader = { gateway: opened.gateway, adminToken: written.reader.token };
      expect((await admin(reader, 'GET', '/tenants')).status).toBe(200);
      expect((await admin(reader, 'POST', '/tenants', { name: 'No' })).status).toBe(403);
    }
    expect((await admin(target, 'POST', '/admin-tokens', { name: 'new', access: 'read' })).status).toBe(201);
    const made = await admin<{ id: string }>(target, 'POST', '/tenants', {
      name: 'New',
      policy: { allow: [{ function: 'hello' }] },
      limits: { concurrency: 2 },
    });
    const key = await admin<{ apiKey: string }>(target, 'POST', `/tenants/${made.body.id}/keys`, {});
    expect(await call(opened, key.body.apiKey)).toMatchObject({ status: 200 });
  });

  it('ends with the tables of today', async () => {
    await opened.close();
    for (const schema of await schemasOf(folder, 'Directory')) expect(schema).toEqual(fresh.directory);
    const tenants = await schemasOf(folder, 'Tenant');
    // Who was deleted before is not opened.
    const today = tenants.filter((schema) => JSON.stringify(schema) === JSON.stringify(fresh.tenant));
    expect(today.length).toBeGreaterThanOrEqual(4);
  });
});
