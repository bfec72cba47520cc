import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { admin, invokePath, makeTenant, send } from '../support/postern.ts';
import { settingsFor, startServe } from '../support/serve.ts';

interface Line {
  readonly requestId?: string;
  readonly [member: string]: unknown;
}

/** Each line of JSON that the gateway wrote about a path, once there are so many of them. */
async function linesOf(log: () => string, holds: (line: Line) => boolean, count: number): Promise<Line[]> {
  for (let attempt = 0; ; attempt++) {
    const lines = log()
      .split('\n')
      .flatMap((text) => {
        try {
          return [JSON.parse(text) as Line];
        } catch {
          return [];
        }
      })
      .filter(holds);
    if (lines.length >= count || attempt === 200) return lines;
    await new Promise((woken) => setTimeout(woken, 50));
  }
}

const served: (() => Promise<void>)[] = [];
/** Runs `postern serve` with these settings, before a Lambda that is not there. */
const serving = async (settings: Record<string, string>) => {
  const given = {
    ...settingsFor('http://127.0.0.1:9', { accessKeyId: 'AKIDEXAMPLE', secretAccessKey: 'x' }),
    ...settings,
  };
  const stateDir = await mkdtemp(join(tmpdir(), 'postern-'));
  const serve = await startServe(['--state', stateDir], given);
  served.push(async () => {
    serve.kill();
    await serve.exited;
    await rm(stateDir, { recursive: true, force: true });
  });
  const get = (path: string, headers: Record<string, string> = {}) =>
    send(serve.gateway, path, {
      method: 'GET',
      headers: { authorization: `Bearer ${given.POSTERN_ADMIN_TOKEN}`, ...headers },
    });
  return { gateway: serve.gateway, adminToken: given.POSTERN_ADMIN_TOKEN, get, log: () => serve.lines.join('\n') };
};

afterAll(async () => {
  await Promise.all(served.map((stop) => stop()));
});

describe('the admin API as it is, over sockets', () => {
  let postern: Awaited<ReturnType<typeof serving>>;
  beforeAll(async () => {
    postern = await serving({ POSTERN_CLIENT_IP_HEADER: 'X-Caller' });
  });

  it('C2: is not behind any other spelling of its path', async () => {
    const headers = { authorization: `Bearer ${postern.adminToken}` };
    expect((await send(postern.gateway, '/admin/v1/tenants', { method: 'GET', headers })).status).toBe(200);
    for (const path of [
      '/%61dmin/v1/tenants',
      '/admin/%76%31/tenants',
      '/admin%2Fv1/tenants',
      '//admin/v1/tenants',
      '/admin//v1/tenants',
      '/Admin/v1/tenants',
      '/admin/V1/tenants',
      '/x/../admin/v1/tenants',
      '/./admin/v1/tenants',
      '/%2e/admin/v1/tenants',
      '/admin/v1;x/tenants',
      '/admin/v1/./tenants',
      '/admin/v1/x/../tenants',
      '/admin/v1//tenants',
      '/admin/v1/%74enants',
      '/admin/v1/tenants/',
    ]) {
      expect([path, (await send(postern.gateway, path, { method: 'GET', headers })).status]).toEqual([path, 404]);
    }
  });

  it('D13: says which methods a path takes, to any other', async () => {
    const headers = { authorization: `Bearer ${postern.adminToken}` };
    const { id } = await makeTenant(postern, []);
    for (const [method, path, status, allow] of [
      ['PUT', '/tenants', 405, 'POST, GET, HEAD, OPTIONS'],
      ['PUT', `/tenants/${id}`, 405, 'GET, PATCH, DELETE, HEAD, OPTIONS'],
      ['POST', `/tenants/${id}`, 405, 'GET, PATCH, DELETE, HEAD, OPTIONS'],
      ['DELETE', '/audit', 405, 'GET, HEAD, OPTIONS'],
      ['GET', `/tenants/${id}/explain`, 405, 'POST, OPTIONS'],
      ['HEAD', `/tenants/${id}/explain`, 405, 'POST, OPTIONS'],
      ['TRACE', '/tenants', 405, 'POST, GET, HEAD, OPTIONS'],
      ['PROPFIND', '/tenants', 405, 'POST, GET, HEAD, OPTIONS'],
      ['POST', '/openapi.json', 405, 'GET, HEAD, OPTIONS'],
      ['OPTIONS', '/tenants', 204, 'POST, GET, HEAD, OPTIONS'],
      ['HEAD', '/tenants', 200, undefined],
      ['PUT', '/nowhere', 404, undefined],
      ['GET', '', 200, undefined],
      ['PUT', '', 405, 'GET, HEAD, OPTIONS'],
      ['GET', '//', 404, undefined],
    ] as const) {
      const answer = await send(postern.gateway, `/admin/v1${path}`, { method, headers });
      expect([method, path, answer.status, answer.headers.allow]).toEqual([method, path, status, allow]);
    }
    expect((await send(postern.gateway, '/admin/v1/tenants', { method: 'PUT' })).status).toBe(401);
  });

  it('C1: leaves a line for each request, with who, what, from where and what came of it, and no secret', async () => {
    const { gateway, adminToken, log } = postern;
    const read = await admin<{ id: string; token: string }>(postern, 'POST', '/admin-tokens', {
      name: 'viewer',
      access: 'read',
    });
    const { id } = await makeTenant(postern, []);
    const headers = { authorization: `Bearer ${read.body.token}`, 'x-caller': '203.0.113.77' };
    const seen = await send(gateway, `/admin/v1/tenants/${id}/usage?step=hour&secret=hunter2`, {
      method: 'GET',
      headers,
    });
    const refused = await send(gateway, `/admin/v1/tenants/${id}`, { method: 'DELETE', headers });
    const changed = await send(gateway, `/admin/v1/tenants/${id}`, {
      method: 'PATCH',
      headers: { ...headers, authorization: `Bearer ${adminToken}`, 'content-type': 'application/json' },
      body: '{"name":"B"}',
    });
    expect([seen.status, refused.status, changed.status]).toEqual([200, 403, 200]);
    for (const [answer, expected] of [
      [seen, { level: 'info', actor: 'viewer', actorId: read.body.id, method: 'GET', status: 200 }],
      [refused, { level: 'warn', actor: 'viewer', actorId: read.body.id, method: 'DELETE', status: 403 }],
      [changed, { level: 'info', actor: 'root', actorId: null, method: 'PATCH', status: 200 }],
    ] as const) {
      const lines = await linesOf(log, ({ requestId }) => requestId === answer.headers['x-amzn-requestid'], 1);
      expect(lines).toHaveLength(1);
      expect(lines[0]).toMatchObject({ ...expected, address: '203.0.113.77' });
      expect(lines[0]?.path).toContain(`/admin/v1/tenants/${id}`);
      expect(lines[0]?.route).toContain('/admin/v1/tenants/{tenantId}');
      expect(typeof lines[0]?.durationMs).toBe('number');
    }
    for (const secret of ['hunter2', adminToken, read.body.token]) expect(log()).not.toContain(secret);
  });

  it('C1: leaves a line for each wrong token, of bounded length', async () => {
    const attempts = 30;
    const answers = await Promise.all(
      Array.from({ length: attempts }, (_, time) =>
        send(postern.gateway, `/admin/v1/tenants/${'x'.repeat(time * 100)}`, {
          method: 'GET',
          headers: { authorization: `Bearer wrong-${time}`, 'x-caller': `198.51.100.${time}` },
        }),
      ),
    );
    expect(answers.map(({ status }) => status)).toEqual(Array(attempts).fill(401));
    const lines = await linesOf(
      postern.log,
      ({ status, level, address }) => status === 401 && level === 'warn' && address !== undefined,
      attempts,
    );
    expect(lines).toHaveLength(attempts);
    expect(new Set(lines.map(({ address }) => address)).size).toBe(attempts);
    expect(Math.max(...lines.map((line) => JSON.stringify(line).length))).toBeLessThan(1_000);
    expect(lines.every(({ actor }) => actor === undefined)).toBe(true);
  });

  it("C1: the log of a call has its caller's address, of a refused one too", async () => {
    const { id, apiKey } = await makeTenant(postern, [{ function: 'hello' }]);
    for (const name of ['hello', 'other']) {
      await send(postern.gateway, invokePath(name), {
        headers: { 'x-api-key': apiKey, 'x-caller': '2001:db8::7', 'content-type': 'application/json' },
        body: '{}',
      });
    }
    const lines = await linesOf(postern.log, ({ tenant }) => tenant === id, 2);
    expect(lines.map(({ address }) => address)).toEqual(['2001:db8::7', '2001:db8::7']);
  });
});

describe('settings of the admin API and the log', () => {
  const logging = new Map<string, ReturnType<typeof serving>>();
  const loggingAs = (kind: string) => {
    const found = logging.get(kind) ?? serving({ POSTERN_CLIENT_IP_HEADER: 'X-Caller', POSTERN_LOG_ADDRESS: kind });
    logging.set(kind, found);
    return found;
  };

  it.each([
    ['prefix', '203.0.113.77', '203.0.113.0/24'],
    ['prefix', '2001:db8:1:2::7', '2001:db8:1::/48'],
    ['prefix', '::ffff:203.0.113.77', '203.0.113.0/24'],
    ['off', '203.0.113.77', undefined],
  ])('C1: POSTERN_LOG_ADDRESS=%s logs %s as %s', async (kind, address, logged) => {
    const postern = await loggingAs(kind);
    const { id, apiKey } = await makeTenant(postern, [{ function: 'hello' }]);
    await send(postern.gateway, invokePath('hello'), { headers: { 'x-api-key': apiKey, 'x-caller': address } });
    const [line] = await linesOf(postern.log, ({ tenant }) => tenant === id, 1);
    expect([line?.function, line?.address]).toEqual(['hello', logged]);
    expect(postern.log()).not.toContain(address);
  });

  it('C2: POSTERN_ADMIN_IP_ALLOW refuses every other address, before it looks at the token', async () => {
    const elsewhere = await serving({ POSTERN_ADMIN_IP_ALLOW: '203.0.113.0/24, 2001:db8::/32' });
    const forged = { 'cf-connecting-ip': '203.0.113.7', 'x-forwarded-for': '203.0.113.7', 'x-real-ip': '203.0.113.7' };
    for (const headers of [{}, { authorization: 'Bearer wrong' }, forged]) {
      expect((await elsewhere.get('/admin/v1/tenants', headers)).status).toBe(403);
    }
    const lines = await linesOf(elsewhere.log, ({ level, status }) => level === 'warn' && status === 403, 3);
    expect(lines.map(({ address, actor }) => [address, actor])).toEqual(Array(3).fill(['127.0.0.1', undefined]));
    const here = await serving({ POSTERN_ADMIN_IP_ALLOW: '203.0.113.0/24,127.0.0.1/32' });
    expect((await here.get('/admin/v1/tenants')).status).toBe(200);
    expect((await here.get('/admin/v1/tenants', { authorization: 'Bearer wrong' })).status).toBe(401);
  });

  it('C2: POSTERN_ADMIN_IP_ALLOW goes by the header of a proxy, where one is named', async () => {
    const behind = await serving({ POSTERN_ADMIN_IP_ALLOW: '203.0.113.0/24', POSTERN_CLIENT_IP_HEADER: 'X-Peer' });
    for (const [address, status] of [
      ['203.0.113.7', 200],
      ['::ffff:203.0.113.7', 200],
      ['203.0.114.7', 403],
      ['203.0.113.7, 203.0.113.8', 403],
      ['', 403],
    ] as const) {
      const headers = address === '' ? {} : { 'x-peer': address };
      expect([address, (await behind.get('/admin/v1/tenants', headers)).status]).toEqual([address, status]);
    }
  });

  it('C2: POSTERN_ADMIN=off leaves paths that are unknown like any other', async () => {
    const { get } = await serving({ POSTERN_ADMIN: 'off' });
    const unknown = await get('/nowhere');
    for (const path of [
      '/admin/v1/tenants',
      '/admin/v1',
      '/admin/v1/',
      '/admin/v1/openapi.json',
      '/%61dmin/v1/tenants',
    ]) {
      const answer = await get(path);
      expect([path, answer.status, answer.headers['x-postern-refusal'], String(answer.body)]).toEqual([
        path,
        404,
        'unknown-path',
        String(unknown.body),
      ]);
    }
  });

  it.each([
    ['POSTERN_ADMIN', 'of'],
    ['POSTERN_LOG_ADDRESS', 'none'],
    ['POSTERN_ADMIN_IP_ALLOW', '203.0.113.7'],
    ['POSTERN_ADMIN_IP_ALLOW', '10.0.0.0/8,'],
    ['POSTERN_ADMIN_IP_ALLOW', '10.0.0.1/8'],
  ])('C2: %s=%s is named, and nothing starts', async (name, value) => {
    await expect(serving({ [name]: value })).rejects.toThrow(name);
  });
});
