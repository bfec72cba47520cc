import { execFile } from 'node:child_process';
import { chmod, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { Agent, request as httpsRequest } from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { InvokeCommand, LambdaClient } from '@aws-sdk/client-lambda';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { type Emulator, startEmulator } from '../../src/emulator/start.ts';
import { makeCertificate } from '../support/certificate.ts';
import { childrenOf } from '../support/memory.ts';
import { admin, invokePath, makeTenant, send, takeCalls } from '../support/postern.ts';
import { type RunningServe, settingsFor, startServe } from '../support/serve.ts';

const CLI = resolve(import.meta.dirname, '../../src/cli/postern.ts');
const LAMBDA = { accessKeyId: 'AKIDEXAMPLE', secretAccessKey: 'secret-of-the-operator' };
const run = promisify(execFile);

let folder: string;
let emulator: Emulator;
let settings: ReturnType<typeof settingsFor>;
const running: RunningServe[] = [];

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'postern-serve-'));
  emulator = await startEmulator({ port: 0, credentials: LAMBDA, log: () => {} });
  settings = settingsFor(emulator.url, LAMBDA);
});
afterEach(async () => {
  for (const server of running.splice(0)) {
    server.kill();
    await server.exited;
  }
});
afterAll(async () => {
  await emulator.close();
  await rm(folder, { recursive: true, force: true });
});

let states = 0;
const newState = () => join(folder, `state${states++}`);
const start = async (args: readonly string[] = [], stateDir = newState()) => {
  const server = await startServe(['--state', stateDir, ...args], settings);
  running.push(server);
  return { ...server, adminToken: settings.POSTERN_ADMIN_TOKEN, stateDir };
};
type Started = Awaited<ReturnType<typeof start>>;

const call = (server: Pick<Started, 'gateway'>, apiKey: string, headers = {}, name = 'hello', body = '{}') =>
  send(server.gateway, invokePath(name), {
    headers: { 'x-api-key': apiKey, 'content-type': 'application/json', ...headers },
    body,
  });
const outcome = async (...input: Parameters<typeof call>) => {
  const { status, headers } = await call(...input);
  return headers['x-postern-refusal'] ?? status;
};
const callsSoFar = async () => (await (await fetch(`${emulator.url}/_calls`)).json()) as unknown[];
const ANY = [{ function: '*' }];

describe('postern serve', () => {
  it('answers calls by key and by signature, logs each as JSON, and keeps its secrets', async () => {
    const server = await start();
    const key = (await makeTenant(server, ANY)).apiKey;
    expect(await outcome(server, key)).toBe(200);
    const tenant = await admin<{ id: string }>(server, 'POST', '/tenants', { name: 'sdk', policy: { allow: ANY } });
    const pair = await admin<{ accessKeyId: string; secretAccessKey: string }>(
      server,
      'POST',
      `/tenants/${tenant.body.id}/keys`,
      {},
    );
    const client = new LambdaClient({ endpoint: server.gateway, region: 'us-east-1', credentials: pair.body });
    const answer = await client.send(new InvokeCommand({ FunctionName: 'identity', Payload: '{"a":1}' }));
    expect([answer.StatusCode, answer.Payload?.transformToString()]).toEqual([200, '{"a":1}']);

    await expect.poll(() => server.lines.map((line) => JSON.parse(line).function)).toContain('identity');
    const commands = await Promise.all(
      [server.pid, ...childrenOf(server.pid)].map((pid) => readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '')),
    );
    const config = await readFile(join(server.stateDir, 'serve.capnp'), 'utf8');
    for (const secret of [settings.POSTERN_ADMIN_TOKEN, settings.POSTERN_ROOT_KEYS, LAMBDA.secretAccessKey, key]) {
      expect(commands.join() + config + server.lines.join() + server.errors()).not.toContain(secret);
    }
    expect((await stat(server.stateDir)).mode & 0o077).toBe(0);
    expect((await stat(join(server.stateDir, 'objects'))).mode & 0o077).toBe(0);
  });

  it('leaves the JSON check to Lambda with POSTERN_CHECK_JSON=off', async () => {
    const server = await startServe(['--state', newState()], { ...settings, POSTERN_CHECK_JSON: 'off' });
    running.push(server);
    const { apiKey } = await makeTenant({ ...server, adminToken: settings.POSTERN_ADMIN_TOKEN }, ANY);
    const before = (await callsSoFar()).length;
    const { status, headers } = await call(server, apiKey, {}, 'hello', 'no JSON');
    expect([status, headers['x-amzn-errortype']]).toEqual([400, 'InvalidRequestContentException']);
    expect(headers).not.toHaveProperty('x-postern-refusal');
    expect(await callsSoFar()).toHaveLength(before + 1);
  });

  it('D2: accepts any content type if it is lenient, and then checks the payload itself', async () => {
    const server = await startServe(['--state', newState()], {
      ...settings,
      POSTERN_CONTENT_TYPES: 'lenient',
      POSTERN_CHECK_JSON: 'off',
    });
    running.push(server);
    const { apiKey } = await makeTenant({ ...server, adminToken: settings.POSTERN_ADMIN_TOKEN }, ANY);
    const strict = await makeTenant({ ...server, adminToken: settings.POSTERN_ADMIN_TOKEN }, ANY, {
      policy: { allow: ANY, contentTypes: 'strict' },
    });
    const form = { 'content-type': 'application/x-www-form-urlencoded' };
    expect((await call(server, apiKey, form, 'hello', '{"a":1}')).status).toBe(200);
    const refused = await call(server, apiKey, form, 'hello', 'a=1');
    expect([refused.status, refused.headers['x-postern-refusal']]).toEqual([400, 'payload-not-json']);
    expect((await call(server, strict.apiKey, form, 'hello', '{"a":1}')).status).toBe(415);
  });

  it('B5: fetches the keys of an issuer from public addresses only, wherever Lambda is', async () => {
    let connections = 0;
    const issuer = createServer((_, response) => response.end('{}'));
    issuer.on('connection', () => {
      connections += 1;
    });
    await new Promise<void>((listening) => issuer.listen(0, '127.0.0.1', listening));
    const address = issuer.address();
    const url = `http://127.0.0.1:${typeof address === 'object' && address ? address.port : 0}`;
    const callWithToken = async (args: readonly string[]) => {
      const server = await startServe(['--state', newState(), ...args], settings);
      running.push(server);
      const { id } = await makeTenant({ ...server, adminToken: settings.POSTERN_ADMIN_TOKEN }, ANY, {
        issuers: [{ issuer: url, claims: { sub: ['*'] } }],
      });
      const encode = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url');
      const claims = { iss: url, aud: `postern:${id}`, sub: 'x', exp: Math.floor(Date.now() / 1_000) + 60 };
      const token = `${encode({ alg: 'ES256', kid: 'k' })}.${encode(claims)}.AAAA`;
      const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' };
      const answer = await send(server.gateway, invokePath('hello'), { headers, body: '{}' });
      return answer.headers['x-postern-refusal'];
    };
    try {
      expect([await callWithToken([]), connections]).toEqual(['issuer-unavailable', 0]);
      expect(await callWithToken(['--local-issuers'])).toBe('issuer-unavailable');
      expect(connections).toBeGreaterThan(0);
    } finally {
      issuer.close();
    }
  });

  it('is alone on its state, and finds it again after a restart, by settings from a file', async () => {
    const first = await start();
    const { apiKey } = await makeTenant(first, ANY);
    await expect(startServe(['--state', first.stateDir], settings)).rejects.toThrow(`process ${first.pid}`);
    first.kill('SIGINT');
    expect(await first.exited).toBe(0);
    expect(await readdir(first.stateDir)).not.toContain('pid');

    const file = join(folder, 'settings.env');
    const lines = Object.entries(settings).map(([name, value]) => `${name}="${value}"`);
    await writeFile(file, lines.join('\n'), { mode: 0o600 });
    const second = await startServe(['--state', first.stateDir, '--settings', file], {});
    running.push(second);
    expect(await outcome(second, apiKey)).toBe(200);
  });

  it('takes a state folder of any name, and a Lambda and an address by IPv6 or a name', async () => {
    const odd = { ...settings, AWS_ENDPOINT_URL_LAMBDA: emulator.url.replace('127.0.0.1', 'localhost') };
    const stateDir = join(folder, 'st"ate \\ é');
    const server = await startServe(['--state', stateDir, '--host', '::1'], odd);
    running.push(server);
    expect(server.gateway).toMatch(/^http:\/\/\[::1\]:\d+$/);
    const post = (path: string, headers: Record<string, string>, body: object) =>
      fetch(server.gateway + path, {
        method: 'POST',
        headers: { ...headers, 'content-type': 'application/json' },
        body: JSON.stringify(body),
      });
    const bearer = { authorization: `Bearer ${settings.POSTERN_ADMIN_TOKEN}` };
    const policy = { allow: ANY, ipAllow: ['::1/128'] };
    const { id } = (await (await post('/admin/v1/tenants', bearer, { name: 'six', policy })).json()) as { id: string };
    const key = (await (await post(`/admin/v1/tenants/${id}/keys`, bearer, {})).json()) as { apiKey: string };
    expect((await post(invokePath('hello'), { 'x-api-key': key.apiKey }, {})).status).toBe(200);
  });

  it('speaks TLS with the files that it is given', async () => {
    const { certFile, keyFile, cert } = await makeCertificate(folder, 'good');
    const server = await start(['--tls-cert', certFile, '--tls-key', keyFile]);
    expect(server.gateway).toMatch(/^https:/);
    const agent = new Agent({ ca: cert });
    const post = (path: string, headers: Record<string, string>, body: object) =>
      new Promise<{ status: number | undefined; text: string }>((done, failed) => {
        const options = { agent, method: 'POST', headers: { ...headers, 'content-type': 'application/json' } };
        const request = httpsRequest(server.gateway + path, options, async (response) => {
          done({ status: response.statusCode, text: Buffer.concat(await response.toArray()).toString() });
        });
        // Over TLS a key is welcome whatever the host is called.
        request.setHeader('host', 'gateway.example').on('error', failed);
        request.end(JSON.stringify(body));
      });
    const bearer = { authorization: `Bearer ${settings.POSTERN_ADMIN_TOKEN}` };
    const tenant = await post('/admin/v1/tenants', bearer, { name: 'tls', policy: { allow: ANY } });
    const key = await post(`/admin/v1/tenants/${JSON.parse(tenant.text).id}/keys`, bearer, {});
    const answer = await post(invokePath('hello'), { 'x-api-key': JSON.parse(key.text).apiKey }, {});
    expect(answer.status).toBe(200);
  });
});

describe("a caller's address", () => {
  const SPOOFS = { 'cf-connecting-ip': '203.0.113.7', 'true-client-ip': '203.0.113.7' };
  const HTTPS = { 'x-forwarded-proto': 'https' };
  const tenants = async (server: Started) => {
    const within = async (range: string) =>
      (await makeTenant(server, ANY, { policy: { allow: ANY, ipAllow: [range] } })).apiKey;
    return { near: await within('127.0.0.0/8'), far: await within('203.0.113.0/24') };
  };

  it("is the connection's, whatever headers say", async () => {
    const server = await start();
    const { near, far } = await tenants(server);
    expect(await outcome(server, near, SPOOFS)).toBe(200);
    expect(await outcome(server, far, SPOOFS)).toBe('address-not-allowed');
  });

  it('is what the header of a trusted proxy says, and no other', async () => {
    const server = await start(['--client-ip-header', 'X-Real-IP', '--behind-tls-proxy', '--admin-port', '0']);
    const { near, far } = await tenants({ ...server, gateway: server.admin ?? '' });
    const through = (key: string, headers = {}) => outcome(server, key, { ...HTTPS, ...headers });
    expect(await through(far, { 'x-real-ip': '203.0.113.7' })).toBe(200);
    expect(await through(near, { ...SPOOFS, 'x-real-ip': '203.0.113.7' })).toBe('address-not-allowed');
    expect(await through(near)).toBe('address-not-allowed');
    expect(await through(far, { 'x-real-ip': '203.0.113.7, 203.0.113.8' })).toBe('address-not-allowed');
    expect(await through(far, { 'cf-connecting-ip': '203.0.113.7' })).toBe('address-not-allowed');
  });
});

describe('the end', () => {
  const startSlow = async (server: Started, ms: number) => {
    const { apiKey } = await makeTenant(server, ANY);
    await takeCalls(emulator.url);
    const answer = call(server, apiKey, {}, 'slow', JSON.stringify({ ms })).then(
      ({ status }) => status,
      () => 'lost',
    );
    await expect.poll(async () => (await callsSoFar()).length).toBe(1);
    return { answer };
  };

  it('lets calls in flight end', async () => {
    const server = await start(['--drain', '60']);
    const { answer } = await startSlow(server, 3_000);
    server.kill();
    expect([await answer, await server.exited]).toEqual([200, 0]);
    expect(server.errors()).not.toContain('cut off');
  });

  it('cuts off what takes longer than it may', async () => {
    const server = await start(['--drain', '0']);
    const { answer } = await startSlow(server, 50_000);
    server.kill();
    expect([await answer, await server.exited]).toEqual(['lost', 0]);
    expect(server.errors()).toContain('cut off');
  });

  it('comes at once with a second signal', async () => {
    const server = await start(['--drain', '900']);
    const { answer } = await startSlow(server, 50_000);
    server.kill();
    // Two that come together may be taken for one.
    await new Promise((waited) => setTimeout(waited, 500));
    server.kill('SIGINT');
    expect([await answer, await server.exited]).toEqual(['lost', 0]);
  });
});

describe('a start that cannot be', () => {
  const saying = (args: readonly string[], env: Readonly<Record<string, string>> = settings) =>
    run(process.execPath, [CLI, 'serve', '--state', newState(), '--port', '0', ...args], {
      env: { PATH: process.env.PATH, ...env },
    }).then(
      () => 'it started',
      ({ code, stderr }) => `${code} ${stderr}`,
    );

  it('names each missing setting, and no value', async () => {
    const { AWS_REGION: _, ...rest } = settings;
    const said = await saying([], { ...rest, POSTERN_ADMIN_TOKEN: 'hunter2', AWS_ACCOUNT_ID: '12' });
    expect(said).toMatch(/^2 postern: settings are missing or wrong/);
    for (const name of ['AWS_REGION', 'POSTERN_ADMIN_TOKEN', 'AWS_ACCOUNT_ID']) expect(said).toContain(`\n  ${name} `);
    expect(said).not.toContain('POSTERN_ROOT_KEYS');
    expect(said).not.toContain('hunter2');
  });

  it('names what is wrong with an option', async () => {
    const [good, other] = await Promise.all([makeCertificate(folder, 'one'), makeCertificate(folder, 'other')]);
    const open = join(folder, 'open.env');
    await writeFile(open, '');
    await chmod(open, 0o644);
    const cases: readonly (readonly [readonly string[], string])[] = [
      [['--tls-cert', good.certFile], '--tls-cert and --tls-key go together'],
      [['--tls-cert', good.certFile, '--tls-key', other.keyFile], 'is not the key of the first certificate'],
      [['--tls-cert', good.keyFile, '--tls-key', good.keyFile], '--tls-cert'],
      [['--tls-cert', good.certFile, '--tls-key', good.certFile], '--tls-key'],
      [['--tls-cert', join(folder, 'none.pem'), '--tls-key', good.keyFile], 'none.pem cannot be read: ENOENT'],
      [['--tls-cert', good.certFile, '--tls-key', good.keyFile, '--behind-tls-proxy'], '--behind-tls-proxy'],
      [['--settings', join(folder, 'none.env')], 'none.env cannot be read: ENOENT'],
      [['--settings', open], `chmod 600 ${open}`],
      [['--client-ip-header', 'not a header'], 'POSTERN_CLIENT_IP_HEADER must be the name of a header'],
      [['--host', 'gateway.example'], '--host'],
      [['--port', '70000'], '--port'],
      [['--state', good.certFile], '--state'],
      [['--admin-host', '127.0.0.1'], '--admin-host needs --admin-port'],
      [['--port', '8787', '--admin-port', '8787'], '--admin-port must differ'],
    ];
    for (const [args, text] of cases) {
      const said = await saying(args);
      expect(said).toMatch(/^2 /);
      expect(said).toContain(text);
    }
  });

  it('says that a port is in use, and gives the state free again', async () => {
    const holder = createServer().listen(0, '127.0.0.1');
    await new Promise((listening) => holder.once('listening', listening));
    const { port } = holder.address() as AddressInfo;
    const state = newState();
    expect(await saying(['--port', String(port), '--state', state])).toMatch(`1 postern: port ${port} is in use`);
    holder.close();
    await start(['--port', String(port)], state);
  });
});
