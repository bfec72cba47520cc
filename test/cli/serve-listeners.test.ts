import { mkdtemp, rm } from 'node:fs/promises';
import { networkInterfaces, tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Emulator, startEmulator } from '../../src/emulator/start.ts';
import { VERSION } from '../../src/version.ts';
import { invokePath, makeTenant, send } from '../support/postern.ts';
import { type RunningServe, settingsFor, startServe } from '../support/serve.ts';

const LAMBDA = { accessKeyId: 'AKIDEXAMPLE', secretAccessKey: 'secret-of-the-operator' };
const ANY = [{ function: '*' }];
const ELSEWHERE = { host: 'gateway.example' };
const HTTPS = { 'x-forwarded-proto': 'https' };
/** An address of this machine that is not loopback. */
const OUTSIDE = Object.values(networkInterfaces())
  .flat()
  .find((address) => address?.family === 'IPv4' && !address.internal)?.address;

let folder: string;
let emulator: Emulator;
let settings: ReturnType<typeof settingsFor>;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'postern-listeners-'));
  emulator = await startEmulator({ port: 0, credentials: LAMBDA, log: () => {} });
  settings = settingsFor(emulator.url, LAMBDA);
});
afterAll(async () => {
  await emulator.close();
  await rm(folder, { recursive: true, force: true });
});

/** Starts one gateway for a group of tests. */
function withServeOnly(name: string, args: readonly string[], more: Readonly<Record<string, string>> = {}) {
  let running: RunningServe | undefined;
  beforeAll(async () => {
    running = await startServe(['--state', join(folder, name), ...args], { ...settings, ...more });
  });
  afterAll(async () => {
    running?.kill();
    await running?.exited;
  });
  return {
    get server() {
      if (!running) throw new Error('it does not run');
      return running;
    },
  };
}

/** The same, with a tenant that may call anything. */
function withServe(name: string, args: readonly string[], more: Readonly<Record<string, string>> = {}) {
  const started = withServeOnly(name, args, more);
  let apiKey = '';
  beforeAll(async () => {
    const gateway = started.server.admin ?? started.server.gateway;
    apiKey = (await makeTenant({ gateway, adminToken: settings.POSTERN_ADMIN_TOKEN }, ANY)).apiKey;
  });
  return {
    get server() {
      return started.server;
    },
    get apiKey() {
      return apiKey;
    },
  };
}

type Headers = Readonly<Record<string, string | string[]>>;

/** What becomes of each kind of secret that is sent with these headers: its refusal, or else its status. */
async function outcomes(gateway: string, apiKey: string, headers: Headers) {
  const json = { 'content-type': 'application/json', ...headers };
  const call = async (credentials: Headers, query = '') => {
    const answer = await send(gateway, invokePath('hello', query), {
      headers: { ...json, ...credentials },
      body: '{}',
    });
    return answer.headers['x-postern-refusal'] ?? answer.status;
  };
  const bearer = { authorization: `Bearer ${settings.POSTERN_ADMIN_TOKEN}` };
  const admin = await send(gateway, '/admin/v1/tenants', { method: 'GET', headers: { ...headers, ...bearer } });
  const token = ['{"alg":"RS256","kid":"1"}', '{}', 'signature'].map((part) => Buffer.from(part).toString('base64url'));
  return {
    key: await call({ 'x-api-key': apiKey }),
    bearer: await call({ authorization: `Bearer ${apiKey}` }),
    token: await call({ authorization: `Bearer ${token.join('.')}` }),
    presigned: await call({}, 'X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Signature=00'),
    admin: admin.headers['x-postern-refusal'] ?? admin.status,
  };
}
const REFUSED = {
  key: 'plain-http',
  bearer: 'plain-http',
  token: 'plain-http',
  presigned: 'plain-http',
  admin: 403,
};
const TAKEN = {
  key: 200,
  bearer: 200,
  token: expect.not.stringContaining('plain-http'),
  presigned: expect.not.stringContaining('plain-http'),
  admin: 200,
};

describe('B7: a secret over plain HTTP, without --behind-tls-proxy', () => {
  const it1 = withServe('plain', ['--host', '0.0.0.0']);

  it('is taken from a peer on this machine that names this machine', async () => {
    for (const host of ['127.0.0.1:8787', 'localhost', 'postern.localhost:1', '[::1]:8787']) {
      expect(await outcomes(it1.server.gateway, it1.apiKey, { host }), host).toEqual(TAKEN);
    }
  });

  it.each([
    ['another Host', ELSEWHERE],
    ['another Host that a proxy calls https', { ...ELSEWHERE, ...HTTPS }],
    ['a Host that only begins as loopback', { host: '127.0.0.1.example' }],
    ['a Host with a user', { host: 'localhost@gateway.example' }],
    ['Forwarded', { forwarded: 'for=192.0.2.1;proto=https' }],
    ['X-Forwarded-For', { 'x-forwarded-for': '192.0.2.1' }],
    ['X-Forwarded-Proto', HTTPS],
    ['an X-Forwarded header of any other name', { 'x-forwarded-whatever': '' }],
    ['X-Real-IP', { 'X-Real-IP': '127.0.0.1' }],
    ['Via', { via: '1.1 proxy' }],
  ])('is refused with %s', async (_, headers) => {
    expect(await outcomes(it1.server.gateway, it1.apiKey, headers)).toEqual(REFUSED);
  });

  it.runIf(OUTSIDE)('is refused from another machine, whatever Host it names', async () => {
    const { port } = new URL(it1.server.gateway);
    for (const headers of [{ host: `127.0.0.1:${port}` }, { host: 'localhost', 'cf-connecting-ip': '127.0.0.1' }]) {
      expect(await outcomes(`http://${OUTSIDE}:${port}`, it1.apiKey, headers)).toEqual(REFUSED);
    }
  });

  it('takes a signature in a header, which gives no secret away', async () => {
    const headers = { ...ELSEWHERE, authorization: 'AWS4-HMAC-SHA256 Credential=a/b' };
    const answer = await send(it1.server.gateway, invokePath('hello'), { headers, body: '{}' });
    expect(answer.headers['x-postern-refusal']).toBe('signature-incomplete');
  });

  it('C2: no Host moves the path: what a proxy has looked at is what is served', async () => {
    const { host } = new URL(it1.server.gateway);
    const admin = { authorization: `Bearer ${settings.POSTERN_ADMIN_TOKEN}` };
    for (const path of ['/admin/v1/tenants?', '/admin/v1/tenants#', '/admin/v1/tenants?limit=1&x=', '/x?', '?', '#']) {
      const headers = { ...admin, host: host + path };
      const answer = await send(it1.server.gateway, '/innocent', { method: 'GET', headers });
      expect(answer.status, path).toBe(421);
    }
    const headers = { host: `${host}${invokePath('hello')}?`, 'x-api-key': it1.apiKey };
    const call = await send(it1.server.gateway, '/innocent', { headers, body: '{}' });
    expect([call.status, call.headers['x-postern-refusal']]).toEqual([421, 'host-not-served']);
  });

  it('warns at the start that a silent proxy looks like a local caller', () => {
    expect(it1.server.errors()).toContain('--behind-tls-proxy');
  });
});

describe('B7: a secret behind a proxy that ends TLS', () => {
  const it1 = withServe('proxy', ['--behind-tls-proxy', '--admin-port', '0']);
  const through = async (headers: Headers) => {
    const { admin: _, ...calls } = await outcomes(it1.server.gateway, it1.apiKey, headers);
    return calls;
  };
  const { admin: _, ...refused } = REFUSED;
  const { admin: __, ...taken } = TAKEN;

  it('is taken when the proxy says https once, whatever Host and other headers say', async () => {
    const proxied = { ...HTTPS, 'x-forwarded-for': '192.0.2.1', 'x-real-ip': '192.0.2.1', via: '1.1 caddy' };
    for (const headers of [HTTPS, { ...HTTPS, ...ELSEWHERE }, { ...proxied, ...ELSEWHERE }]) {
      expect(await through(headers)).toEqual(taken);
    }
  });

  it.each([
    ['no header', {}],
    ["no header, and nginx's default Host", { host: '127.0.0.1:8787' }],
    ['http', { 'x-forwarded-proto': 'http', host: '127.0.0.1:8787' }],
    ['another scheme', { 'x-forwarded-proto': 'wss' }],
    ['nothing', { 'x-forwarded-proto': '' }],
    ['a list', { 'x-forwarded-proto': 'https, https' }],
    ['two headers', { 'x-forwarded-proto': ['https', 'https'] }],
    ["two headers, a caller's first", { 'x-forwarded-proto': ['https', 'http'] }],
    ['https in another header', { 'x-forwarded-protocol': 'https', forwarded: 'proto=https' }],
  ])('is refused when the proxy says %s', async (_, headers) => {
    expect(await through(headers)).toEqual(refused);
    expect(await through({ ...ELSEWHERE, ...headers })).toEqual(refused);
  });

  it('C2: the admin API has its own listener: each answers 404 to what the other serves', async () => {
    const { gateway, admin = '' } = it1.server;
    const bearer = { authorization: `Bearer ${settings.POSTERN_ADMIN_TOKEN}` };
    const ask = async (origin: string, path: string, method = 'GET') => {
      const answer = await send(origin, path, { method, headers: { ...bearer, 'x-api-key': it1.apiKey } });
      return [answer.status, answer.headers['x-postern-refusal']];
    };
    for (const path of [
      '/admin/v1/tenants',
      '/admin/v1',
      '/admin/v1/',
      '/admin/v1/openapi.json',
      '/%61dmin/v1/tenants',
      '/nothing',
    ]) {
      expect(await ask(gateway, path), path).toEqual([404, 'unknown-path']);
    }
    for (const path of [invokePath('hello'), '/', '/nothing', '/adminv1', '/admin']) {
      expect(await ask(admin, path, 'POST'), path).toEqual([404, 'unknown-path']);
    }
    const listed = await send(admin, '/admin/v1/tenants', { method: 'GET', headers: bearer });
    expect(listed.status).toBe(200);
  });

  it('answers GET /healthz on each, by any Host and without a key', async () => {
    const { gateway, admin = '' } = it1.server;
    for (const listener of [gateway, admin]) {
      for (const method of ['GET', 'HEAD']) {
        const { status, headers, body } = await send(listener, '/healthz?by=probe', { method, headers: ELSEWHERE });
        expect(status, listener).toBe(200);
        expect(headers).toMatchObject({ 'content-type': 'application/json', 'cache-control': 'no-store' });
        if (method === 'GET') expect(JSON.parse(String(body))).toEqual({ status: 'ok', version: VERSION });
      }
      const posted = await send(listener, '/healthz', { headers: ELSEWHERE });
      expect([posted.status, posted.headers['x-postern-refusal']], listener).toEqual([404, 'unknown-path']);
    }
  });

  it('C2: no header turns one listener into the other, nor the admin listener into one behind a proxy', async () => {
    const { gateway, admin = '' } = it1.server;
    const bearer = { authorization: `Bearer ${settings.POSTERN_ADMIN_TOKEN}` };
    const { host } = new URL(admin);
    const spoofed = { ...bearer, ...HTTPS, host, rooms: 'admin', props: '{"rooms":"admin"}', 'cf-props': 'admin' };
    expect((await send(gateway, '/admin/v1/tenants', { method: 'GET', headers: spoofed })).status).toBe(404);
    const proxied = { ...bearer, ...HTTPS, ...ELSEWHERE };
    expect((await send(admin, '/admin/v1/tenants', { method: 'GET', headers: proxied })).status).toBe(403);
  });
});

describe('C2: an admin listener behind no proxy, with --client-ip-header', () => {
  const proxied = ['--admin-port', '0', '--client-ip-header', 'X-Peer'];
  const here = withServe('direct', proxied, { POSTERN_ADMIN_IP_ALLOW: '127.0.0.0/8' });
  const elsewhere = withServeOnly('far', proxied, { POSTERN_ADMIN_IP_ALLOW: '203.0.113.0/24' });
  const list = async ({ admin = '' }: RunningServe, headers: Headers) => {
    const bearer = { authorization: `Bearer ${settings.POSTERN_ADMIN_TOKEN}` };
    return (await send(admin, '/admin/v1/tenants', { method: 'GET', headers: { ...bearer, ...headers } })).status;
  };

  it("goes by the peer's address, which an operator at it has and no header changes", async () => {
    expect(await list(here.server, {})).toBe(200);
    expect(await list(here.server, { 'x-peer': '203.0.113.9' })).toBe(200);
    expect(await list(elsewhere.server, { 'x-peer': '203.0.113.9' })).toBe(403);
    const lines = elsewhere.server.lines.filter((line) => line.includes('/admin/v1/tenants'));
    expect(JSON.parse(lines.at(-1) ?? '')).toMatchObject({ status: 403, address: '127.0.0.1' });
  });

  it('leaves callers to the header, on their own listener', async () => {
    const headers = { 'x-peer': '203.0.113.9', 'x-api-key': here.apiKey, 'content-type': 'application/json' };
    expect((await send(here.server.gateway, invokePath('hello'), { headers, body: '{}' })).status).toBe(200);
    const line = here.server.lines.findLast((one) => one.includes('"function":"hello"'));
    expect(JSON.parse(line ?? '')).toMatchObject({ address: '203.0.113.9' });
  });
});

describe('B7: POSTERN_HOSTS', () => {
  const hosts = 'Gateway.example, 127.0.0.1,[::1]:8787';
  const it1 = withServe('hosts', [], { POSTERN_HOSTS: hosts });

  it('serves the hosts that it lists, and refuses any other before it looks at credentials', async () => {
    const outcome = async (host: string, headers: Headers = {}) => {
      const all = { host, 'content-type': 'application/json', ...headers };
      const answer = await send(it1.server.gateway, invokePath('hello'), { headers: all, body: '{}' });
      return answer.headers['x-postern-refusal'] ?? answer.status;
    };
    const key = { 'x-api-key': it1.apiKey };
    for (const host of ['127.0.0.1', '127.0.0.1:1']) expect(await outcome(host, key), host).toBe(200);
    for (const host of ['gateway.example', 'GATEWAY.EXAMPLE:443', '[::1]:8787']) {
      expect(await outcome(host), host).toBe('no-credentials');
    }
    for (const host of [
      'other.example',
      'gateway.example.',
      'a.gateway.example',
      'localhost',
      '[::1]',
      '[::1]:1',
      '127.0.0.1, gateway.example',
    ]) {
      expect(await outcome(host, key), host).toBe('host-not-served');
      expect(await outcome(host), host).toBe('host-not-served');
    }
  });

  it('holds for the admin API and for preflights of web pages', async () => {
    const headers = { host: 'other.example', authorization: `Bearer ${settings.POSTERN_ADMIN_TOKEN}` };
    expect((await send(it1.server.gateway, '/admin/v1/tenants', { method: 'GET', headers })).status).toBe(421);
    const preflight = { host: 'other.example', origin: 'https://a.example', 'access-control-request-method': 'POST' };
    const answer = await send(it1.server.gateway, invokePath('hello'), { method: 'OPTIONS', headers: preflight });
    expect([answer.status, answer.headers['x-postern-refusal']]).toEqual([421, 'host-not-served']);
  });
});
