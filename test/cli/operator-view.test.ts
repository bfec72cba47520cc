import { randomBytes } from 'node:crypto';
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Emulator, startEmulator } from '../../src/emulator/start.ts';
import { runCli } from '../support/cli.ts';
import { admin, invokePath, makeTenant, send } from '../support/postern.ts';
import { type RunningServe, settingsFor, startServe } from '../support/serve.ts';

const LAMBDA = { accessKeyId: 'AKIDEXAMPLE', secretAccessKey: 'secret-of-the-operator' };
const stateDir = await mkdtemp(join(tmpdir(), 'postern-view-'));

let emulator: Emulator;
let serve: RunningServe;
let given: ReturnType<typeof settingsFor>;
beforeAll(async () => {
  emulator = await startEmulator({ port: 0, credentials: LAMBDA, log: () => {} });
  given = settingsFor(emulator.url, LAMBDA);
  serve = await startServe(['--state', stateDir], given);
});
afterAll(async () => {
  serve?.kill();
  await serve?.exited;
  await emulator?.close();
  await rm(stateDir, { recursive: true, force: true });
});

const target = () => ({ gateway: serve.gateway, adminToken: given.POSTERN_ADMIN_TOKEN });
const postern = (args: readonly string[], stdin = '', env: Readonly<Record<string, string>> = {}) =>
  runCli(args, {
    env: { POSTERN_URL: serve.gateway, POSTERN_ADMIN_TOKEN: given.POSTERN_ADMIN_TOKEN, ...env },
    stdin,
  });

interface Tenant {
  readonly policy: { readonly allow: readonly object[] };
  readonly limits: object;
}

describe('C7: tenants update', () => {
  const rule = { function: 'orders-get', qualifiers: ['live'], types: ['RequestResponse'], maxPayloadBytes: 10 };
  const limits = {
    rate: { perSecond: 2, burst: 10 },
    quotas: [
      { period: 'day', requests: 5, payloadBytes: 1_000 },
      { period: 'week', requests: 7 },
    ],
  };
  const make = async () =>
    (await makeTenant(target(), [rule, { function: 'gone', logTail: true }], { name: 'Priv', limits })).id;
  const read = async (id: string) => (await admin<Tenant>(target(), 'GET', `/tenants/${id}`)).body;

  it('keeps what a rule says beside its pattern, and shows what goes and what comes', async () => {
    const id = await make();
    const { code, stderr } = await postern(['tenants', 'update', id, '--allow', 'orders-get', 'invoices']);
    expect(code).toBe(0);
    expect((await read(id)).policy.allow).toEqual([rule, { function: 'invoices' }]);
    expect(stderr).toContain('#/policy/allow/1/function: "gone" -> "invoices"');
    expect(stderr).toContain('#/policy/allow/1/logTail: true -> (nothing)');
  });

  it('keeps the burst, the other quotas, and the bytes of the one that is named', async () => {
    const id = await make();
    expect((await postern(['tenants', 'update', id, '--rate', '5'])).code).toBe(0);
    const { code, stderr } = await postern(['tenants', 'update', id, '--quota', 'month=9', 'day=6']);
    expect(code).toBe(0);
    expect((await read(id)).limits).toMatchObject({
      rate: { perSecond: 5, burst: 10 },
      quotas: expect.arrayContaining([
        { period: 'day', requests: 6, payloadBytes: 1_000 },
        { period: 'week', requests: 7 },
        { period: 'month', requests: 9 },
      ]),
    });
    expect(stderr).toContain('#/limits/quotas/0/requests: 5 -> 6');
    // A tenant that has none gets a second's worth.
    const bare = (await makeTenant(target(), [])).id;
    await postern(['tenants', 'update', bare, '--rate', '5']);
    expect((await read(bare)).limits).toEqual({ rate: { perSecond: 5, burst: 5 } });
  });

  it('goes on from what a file says, and says so when nothing changes', async () => {
    const id = await make();
    const patch = JSON.stringify({
      limits: { quotas: [{ period: 'week', requests: 1, payloadBytes: 2 }], rate: null },
    });
    await postern(['tenants', 'update', id, '--file', '-', '--quota', 'week=3'], patch);
    expect((await read(id)).limits).toEqual({ quotas: [{ period: 'week', requests: 3, payloadBytes: 2 }] });
    expect((await postern(['tenants', 'update', id, '--quota', 'week=3'])).stderr).toContain('no change');
  });

  it('A6: has an example in its help that can be run', async () => {
    const { stdout } = await runCli(['tenants', 'update', '--help']);
    expect(stdout).toContain(`$ echo '{"limits": {"quotas": null}}' | postern tenants update Acme --file -`);
  });
});

describe('B13: what is on every answer, and what is refused', () => {
  it('no cache keeps an answer, and no browser guesses its type', async () => {
    const { apiKey } = await makeTenant(target(), [{ function: '*' }]);
    const headers = { 'x-api-key': apiKey, 'content-type': 'application/json' };
    const stream = '/2021-11-15/functions/stream/response-streaming-invocations';
    const answers = [
      await send(serve.gateway, invokePath('hello'), { headers, body: '{}' }),
      await send(serve.gateway, invokePath('fail'), { headers, body: '{}' }),
      await send(serve.gateway, invokePath('throttled'), { headers, body: '{}' }),
      await send(serve.gateway, invokePath('nowhere'), { headers, body: '{}' }),
      await send(serve.gateway, stream, { headers, body: '{"chunks":2,"bytes":4}' }),
      await send(serve.gateway, invokePath('hello'), { headers, body: '{' }),
      await send(serve.gateway, invokePath('hello'), {}),
      await send(serve.gateway, '/elsewhere', { method: 'GET' }),
      await send(serve.gateway, '/admin/v1/tenants', { method: 'GET' }),
      await send(serve.gateway, '/admin/v1/tenants', {
        method: 'GET',
        headers: { authorization: `Bearer ${given.POSTERN_ADMIN_TOKEN}` },
      }),
    ];
    expect(answers.map(({ status }) => status)).toEqual([200, 200, 429, 404, 200, 400, 403, 404, 401, 200]);
    for (const answer of answers) {
      expect(answer.headers).toMatchObject({ 'x-content-type-options': 'nosniff', 'cache-control': 'no-store' });
    }
  });

  it('an admin token is not made that has expired, or never will', async () => {
    for (const expiresAt of ['2020-01-01T00:00:00Z', '2300-01-01T00:00:00Z']) {
      const document = { name: 'late', access: 'read', expiresAt };
      const answer = await admin<object>(target(), 'POST', '/admin-tokens', document);
      expect(answer).toMatchObject({ status: 400, body: { errors: [{ pointer: '#/expiresAt' }] } });
    }
  });

  const start = (settings: Readonly<Record<string, string>>, args: readonly string[] = []) =>
    runCli(['serve', '--port', '0', '--state', join(stateDir, 'other'), ...args], { env: { ...given, ...settings } });

  it.each([
    ['POSTERN_ROOT_KEYS', `1:${Buffer.alloc(32).toString('base64')}`, 'version 1 is easy to guess'],
    ['POSTERN_ROOT_KEYS', `2:${Buffer.alloc(48, 'ab').toString('base64')}`, 'version 2 is easy to guess'],
    ['POSTERN_ADMIN_TOKEN', 'a'.repeat(40), 'is easy to guess'],
    ['POSTERN_ADMIN_TOKEN', 'abc'.repeat(20), 'is easy to guess'],
  ])('a weak %s is refused at the start', async (name, value, words) => {
    const { code, stderr } = await start({ [name]: value });
    expect([code, stderr]).toEqual([2, expect.stringContaining(`${name} `)]);
    expect(stderr).toContain(words);
    expect(stderr).not.toContain(value);
  });

  it.each([0o622, 0o606, 0o660])('a settings file of mode %o is refused', async (mode) => {
    const file = join(stateDir, 'settings.env');
    await writeFile(file, 'POSTERN_CHECK_JSON=on\n');
    await chmod(file, mode);
    const { code, stderr } = await start({}, ['--settings', file]);
    expect([code, stderr]).toEqual([2, expect.stringContaining(`chmod 600 ${file}`)]);
  });
});

describe('C9: a setting that nobody reads', () => {
  const start = (command: string, settings: Readonly<Record<string, string>>, args: readonly string[] = []) =>
    runCli([command, '--port', '0', '--state', join(stateDir, 'other'), ...args], { env: { ...given, ...settings } });

  it.each(['serve', 'dev'])('is an error of %s that names what was meant', async (command) => {
    const { code, stderr } = await start(command, { POSTERN_CHEK_JSON: 'off' });
    expect([code, stderr]).toEqual([2, expect.stringContaining('POSTERN_CHEK_JSON is not a setting')]);
    expect(stderr).toContain('did you mean POSTERN_CHECK_JSON?');
  });

  it('is found in a file too, and by doctor', async () => {
    const file = join(stateDir, 'misspelt.env');
    await writeFile(file, 'POSTERN_CLIENT_IP_HEADR=X-Real-IP\n', { mode: 0o600 });
    expect((await start('serve', {}, ['--settings', file])).stderr).toContain('did you mean POSTERN_CLIENT_IP_HEADER?');
    const { stdout } = await runCli(['doctor', '--settings', file], { env: given });
    expect(stdout).toContain('POSTERN_CLIENT_IP_HEADR is not a setting');
  });

  it('is none of the command line, of tests, or of a platform that runs containers', async () => {
    const others = { POSTERN_URL: 'http://127.0.0.1:1', POSTERN_STORY: 'dev', POSTERN_PORT_8787_TCP: 'tcp://10.0.0.1' };
    const { stderr } = await start('serve', { ...others, POSTERN_CHECK_JSON: 'maybe' });
    expect(stderr).toContain("POSTERN_CHECK_JSON must be 'on' or 'off'");
    expect(stderr).not.toContain('is not a setting');
  });
});

describe('C3: a root key version that is not among the settings', () => {
  beforeAll(async () => {
    await admin(target(), 'POST', '/tenants', { name: 'Acme' });
    serve.kill();
    await serve.exited;
    given = { ...given, POSTERN_ROOT_KEYS: `2:${randomBytes(32).toString('base64')}` };
    serve = await startServe(['--state', stateDir], given);
  });
  const words = 'root key version 1, which is missing from';
  const one = 'version: 1\ntenants:\n  - name: Acme\n';

  it.each([
    ['export', ['export'], ''],
    ['apply', ['apply', '-f', '-', '--yes'], one],
    ['diff', ['diff', '-f', '-'], one],
    ['tenants get', ['tenants', 'get', 'Acme'], ''],
    ['tenants update', ['tenants', 'update', 'Acme', '--rate', '1'], ''],
  ])('is named by %s, which fails', async (_, args, stdin) => {
    const { code, stdout, stderr } = await postern(args, stdin);
    expect([code, stdout, stderr]).toEqual([1, '', expect.stringContaining(words)]);
  });

  it('makes no second tenant, and is found by doctor', async () => {
    const { stdout } = await postern(['tenants', 'list', '--json']);
    const { tenants } = JSON.parse(stdout) as { tenants: { name: string }[] };
    expect(tenants.filter(({ name }) => name === 'Acme')).toHaveLength(1);
    const doctor = await postern(['doctor', '--json']);
    expect(doctor.code).toBe(1);
    expect(doctor.stdout).toContain(words);
  });

  it('is no matter of callers, nor of who makes a new tenant', async () => {
    const { apiKey } = await makeTenant(target(), [{ function: 'hello' }], { name: 'New' });
    expect((await send(serve.gateway, invokePath('hello'), { headers: { 'x-api-key': apiKey } })).status).toBe(200);
    const foreign = await admin(target(), 'GET', `/tenants/t2_b${'a'.repeat(29)}`);
    expect(foreign.status).toBe(404);
  });
});

describe('S3: another root key under a version that tenants were created with', () => {
  let id: string;
  beforeAll(async () => {
    ({ id } = (await admin<{ id: string }>(target(), 'POST', '/tenants', { name: 'Globex' })).body);
    serve.kill();
    await serve.exited;
    given = { ...given, POSTERN_ROOT_KEYS: `2:${randomBytes(32).toString('base64')}` };
    serve = await startServe(['--state', stateDir], given);
  });

  it('is named by the admin API for each tenant that is listed', async () => {
    for (const [method, path, body] of [
      ['GET', '', undefined],
      ['PATCH', '', { name: 'Other' }],
      ['DELETE', '', undefined],
      ['GET', '/keys', undefined],
      ['POST', '/keys', {}],
      ['GET', '/usage', undefined],
      ['GET', '/audit', undefined],
      ['POST', '/explain', { function: 'hello' }],
    ] as const) {
      const answer = await admin(target(), method, `/tenants/${id}${path}`, body);
      const problem = { reason: 'root-key-wrong', detail: expect.stringContaining('another root key of version 2') };
      expect([path, answer]).toMatchObject([path, { status: 409, body: problem }]);
    }
  });

  it('is not named for an id that is not listed', async () => {
    const forged = id.slice(0, -1) + (id.endsWith('a') ? 'b' : 'a');
    for (const unlisted of [forged, `t2_b${'a'.repeat(29)}`, 'Globex'])
      expect((await admin(target(), 'GET', `/tenants/${unlisted}`)).status).toBe(404);
  });

  it('is found by doctor, though a tenant was created with the new one', async () => {
    await admin(target(), 'POST', '/tenants', { name: 'Newer' });
    const { code, stdout } = await postern(['doctor', '--json']);
    const { findings } = JSON.parse(stdout) as { findings: { check: string; status: string; message: string }[] };
    const found = findings.filter(({ check }) => check === 'root keys of tenants').map(({ message }) => message);
    expect(found).toContainEqual(
      expect.stringMatching(/^the root key of version 2 is not the one that \d+ tenants were created with$/),
    );
    expect([code, found]).toEqual([1, expect.not.arrayContaining(['all there'])]);
  });
});
