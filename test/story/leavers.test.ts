import { execFileSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer, type ServerResponse } from 'node:http';
import { type AddressInfo, connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect as connectTls } from 'node:tls';
import { EventStreamCodec } from '@smithy/core/event-streams';
import { generate } from 'selfsigned';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { invokePath, makeTenant, startPostern } from '../support/postern.ts';
import type { RunningPostern } from '../support/running-postern.ts';
import { type RunningServe, settingsFor, startServe } from '../support/serve.ts';

const utf8 = new TextEncoder();
const codec = new EventStreamCodec(
  (bytes) => new TextDecoder().decode(bytes as Uint8Array),
  (text) => utf8.encode(text),
);
const frame = (type: string, body: Uint8Array) =>
  codec.encode({ headers: { ':event-type': { type: 'string', value: type } }, body });
const COMPLETE = frame('InvokeComplete', utf8.encode('{}'));
const PART = Buffer.alloc(300_000, 0x20);

/** A Lambda that holds each call until the test releases it. */
function createLambda() {
  const held: { readonly response: ServerResponse; readonly kind: string; begun: boolean }[] = [];
  const open = new Set<Socket>();
  const server = createServer((request, response) => {
    const kind = /(buffered|stream|quick)/.exec(request.url ?? '')?.[0] ?? '';
    request.resume().on('end', () => {
      if (kind === 'quick') response.end('{}');
      else held.push({ response, kind, begun: false });
    });
  });
  server.on('connection', (socket: Socket) => {
    open.add(socket);
    socket.on('close', () => open.delete(socket)).on('error', () => {});
  });
  const begin = (call: (typeof held)[number]) => {
    if (call.begun) return;
    call.begun = true;
    if (call.kind === 'stream') {
      call.response.writeHead(200, { 'content-type': 'application/vnd.amazon.eventstream' });
      call.response.write(frame('PayloadChunk', PART));
    } else {
      call.response.writeHead(200, { 'content-type': 'application/json', 'content-length': String(2 * PART.length) });
      call.response.write(PART);
    }
  };
  return {
    server,
    held,
    open,
    begin: () => held.forEach(begin),
    finish() {
      for (const call of held.splice(0)) {
        begin(call);
        call.response.end(call.kind === 'stream' ? COMPLETE : PART);
      }
    },
  };
}

let folder: string;
const lambda = createLambda();
type Kind = 'plain' | 'tls' | 'dev';
const servers: { plain?: RunningServe; tls?: RunningServe; dev?: RunningPostern } = {};
let settings: ReturnType<typeof settingsFor>;
let apiKeys: Record<string, string> = {};

/** Calls the admin API with Node's own fetch, or over TLS with a certificate of our own. */
async function admin(kind: Kind, path: string, document: object): Promise<{ id: string; apiKey: string }> {
  const body = JSON.stringify(document);
  const text = await new Promise<string>((done, reject) => {
    const socket = open(kind);
    let read = '';
    socket.on('data', (data) => {
      read += data.toString();
    });
    socket.on('end', () => done(read)).on('error', reject);
    socket.write(
      `POST ${path} HTTP/1.1\r\nhost: 127.0.0.1\r\nconnection: close\r\nauthorization: Bearer ${settings.POSTERN_ADMIN_TOKEN}\r\n` +
        `content-type: application/json\r\ncontent-length: ${Buffer.byteLength(body)}\r\n\r\n${body}`,
    );
  });
  return JSON.parse(text.slice(text.indexOf('{'), text.lastIndexOf('}') + 1)) as { id: string; apiKey: string };
}

/** The TCP connection under each connection over TLS: only that can be reset. */
const under = new WeakMap<Socket, Socket>();
const open = (kind: Kind): Socket => {
  const { hostname, port } = new URL(servers[kind]?.gateway ?? '');
  const socket = connect(Number(port), hostname);
  if (kind !== 'tls') return socket;
  const secure = connectTls({ socket: socket.on('error', () => {}), rejectUnauthorized: false });
  under.set(secure, socket);
  return secure;
};

const pathOf = (name: string) =>
  name === 'stream' ? `/2021-11-15/functions/${name}/response-streaming-invocations` : invokePath(name);
const requestOf = (name: string, apiKey: string) =>
  `POST ${pathOf(name)} HTTP/1.1\r\nhost: 127.0.0.1\r\nx-api-key: ${apiKey}\r\ncontent-type: application/json\r\ncontent-length: 2\r\n\r\n{}`;

/** Sends one call and gives its status. */
const statusOf = (kind: Kind, name: string) =>
  new Promise<number>((done, reject) => {
    const socket = open(kind);
    socket.on('error', reject);
    socket.once('data', (data) => {
      done(Number(data.toString().split(' ')[1]));
      socket.destroy();
    });
    socket.write(requestOf(name, apiKeys[kind] ?? ''));
  });

/** Descriptors of the workerd that a `postern serve` runs. */
function descriptors(kind: 'plain' | 'tls'): number {
  const pid = execFileSync('pgrep', ['-P', String(servers[kind]?.pid), 'workerd'], { encoding: 'utf8' }).trim();
  return readdirSync(`/proc/${pid.split('\n')[0]}/fd`).length;
}

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'postern-leavers-'));
  await new Promise<void>((listening) => lambda.server.listen(0, '127.0.0.1', listening));
  const { port } = lambda.server.address() as AddressInfo;
  const keys = { accessKeyId: 'test', secretAccessKey: 'test' };
  settings = settingsFor(`http://127.0.0.1:${port}`, keys);
  const { cert, private: key } = await generate([{ name: 'commonName', value: '127.0.0.1' }], { keyType: 'ec' });
  const [certFile, keyFile] = [join(folder, 'cert.pem'), join(folder, 'key.pem')];
  await writeFile(certFile, cert);
  await writeFile(keyFile, key, { mode: 0o600 });
  servers.plain = await startServe(['--state', join(folder, 'plain')], settings);
  servers.tls = await startServe(
    ['--state', join(folder, 'tls'), '--tls-cert', certFile, '--tls-key', keyFile],
    settings,
  );
  servers.dev = await startPostern({ args: ['--lambda-endpoint', settings.AWS_ENDPOINT_URL_LAMBDA] });
  const limits = { concurrency: CALLERS };
  apiKeys.dev = (await makeTenant(servers.dev, [{ function: '*' }], { limits })).apiKey;
  for (const kind of ['plain', 'tls'] as const) {
    const { id } = await admin(kind, '/admin/v1/tenants', {
      name: 'leavers',
      policy: { allow: [{ function: '*' }] },
      limits,
    });
    apiKeys = { ...apiKeys, [kind]: (await admin(kind, `/admin/v1/tenants/${id}/keys`, {})).apiKey };
  }
});
afterAll(async () => {
  for (const server of [servers.plain, servers.tls]) {
    server?.kill();
    await server?.exited;
  }
  await servers.dev?.stop();
  lambda.server.closeAllConnections();
  lambda.server.close();
  await rm(folder, { recursive: true, force: true });
});

const CALLERS = 4;
const LEAVES = {
  reset: (socket: Socket) => (under.get(socket) ?? socket).resetAndDestroy(),
  close: (socket: Socket) => socket.destroy(),
};

describe.each(['plain', 'tls'] as const)('A3: callers that leave (%s)', (kind) => {
  let descriptorsBefore: number | undefined;
  const cases = (['buffered', 'stream'] as const).flatMap((name) =>
    (['before the head', 'after the head', 'in the body'] as const).flatMap((stage) =>
      (['reset', 'close'] as const).map((how) => [name, stage, how] as const),
    ),
  );

  it.each(cases)(
    '%s answer, %s, by %s: slot, log line and sockets come back when the function ends',
    async (name, stage, how) => {
      const server = servers[kind];
      if (!server) throw new Error('no server');
      const linesOf = () =>
        server.lines
          .map((line) => JSON.parse(line) as Record<string, unknown>)
          .filter((line) => line.function === name && line.forwarded === true);
      expect(await statusOf(kind, 'quick')).toBe(200);
      const linesBefore = linesOf().length;
      descriptorsBefore ??= descriptors(kind);
      const callers = Array.from({ length: CALLERS }, () => open(kind));
      let answered = 0;
      for (const caller of callers) {
        caller.on('error', () => {});
        caller.write(requestOf(name, apiKeys[kind] ?? ''));
        // Of a caller in the body the first bytes have been read, and the rest lies unread.
        caller.once('data', () => {
          answered++;
          caller.pause();
        });
        if (stage === 'after the head') caller.pause();
      }
      await expect.poll(() => lambda.held.length, { timeout: 10_000 }).toBe(CALLERS);
      // Every slot is taken: a caller that leaves gives none back while its function runs.
      expect(await statusOf(kind, 'quick')).toBe(429);
      if (stage !== 'before the head') lambda.begin();
      if (stage === 'in the body') await expect.poll(() => answered, { timeout: 10_000 }).toBe(CALLERS);
      for (const caller of callers) LEAVES[how](caller);
      await new Promise((passed) => setTimeout(passed, 100)); // nothing depends on it
      lambda.finish();

      await expect.poll(() => linesOf().length - linesBefore, { timeout: 10_000 }).toBe(CALLERS);
      for (const line of linesOf().slice(linesBefore))
        expect(line).toMatchObject({ status: 200, callerLeft: true, brokenOff: true });
      await expect.poll(() => statusOf(kind, 'quick'), { timeout: 10_000 }).toBe(200);
    },
  );

  it('leave no descriptor behind', async () => {
    const before = descriptorsBefore ?? 0;
    expect(before).toBeGreaterThan(0);
    await expect.poll(() => descriptors(kind) - before, { timeout: 20_000 }).toBeLessThanOrEqual(CALLERS);
    await expect.poll(() => lambda.open.size, { timeout: 20_000 }).toBeLessThanOrEqual(2 * CALLERS);
  });
});

describe('A3: callers that leave (postern dev)', () => {
  it.each(['buffered', 'stream'])('%s answer, before the head, by reset: slots come back', async (name) => {
    const callers = Array.from({ length: CALLERS }, () => open('dev'));
    for (const caller of callers) caller.on('error', () => {}).write(requestOf(name, apiKeys.dev ?? ''));
    await expect.poll(() => lambda.held.length, { timeout: 10_000 }).toBe(CALLERS);
    for (const caller of callers) caller.resetAndDestroy();
    await new Promise((passed) => setTimeout(passed, 100)); // nothing depends on it
    expect(await statusOf('dev', 'quick')).toBe(429);
    lambda.finish();
    await expect.poll(() => statusOf('dev', 'quick'), { timeout: 10_000 }).toBe(200);
  });
});
