import { spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { request as httpRequest, type IncomingHttpHeaders, type IncomingMessage } from 'node:http';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { CHECKED, UNDESCRIBED } from './cli.ts';
import { type Edge, startEdge } from './edge-proxy.ts';
import type { PosternOptions, Ready, RunningPostern } from './running-postern.ts';

const CLI = resolve(import.meta.dirname, '../../src/cli/postern.ts');

/**
 * Starts the real thing, the gateway on workerd and the local Lambda, on free ports: by `postern dev`, or with
 * POSTERN_STORY=serve by `postern serve`, or with POSTERN_STORY=edge by `postern dev` behind what plays Cloudflare's edge.
 */
export async function startPostern(options: PosternOptions = {}): Promise<RunningPostern> {
  const { POSTERN_STORY: story } = process.env;
  if (story === 'serve') return (await import('./serve.ts')).startServed(options);
  const running = await startDev(options);
  return story === 'edge' ? putBehindEdge(running) : running;
}

/** The same Postern, with the edge in front of it. Callers stand for the address that they say they come from. */
export async function putBehindEdge(running: RunningPostern): Promise<RunningPostern & { readonly edge: Edge }> {
  const addressOf = ({ headers }: IncomingMessage) => headers['cf-connecting-ip']?.toString();
  // Miniflare plays this part of the edge too: it compresses by what it is asked for, and tells the Worker "br, gzip".
  const edge = await startEdge({ origin: running.gateway, addressOf, acceptEncoding: 'identity' });
  return {
    ...running,
    edge,
    gateway: edge.url,
    async stop(signal) {
      await edge.stop();
      return running.stop(signal);
    },
  };
}

/** Starts `postern dev`, whatever the story runs on. */
export async function startDev(options: PosternOptions = {}): Promise<RunningPostern> {
  const { args = [], env = {}, stateDir } = options;
  const state = stateDir ?? (await mkdtemp(join(tmpdir(), 'postern-')));
  const child = spawn(
    process.execPath,
    [...CHECKED, CLI, 'dev', '--json', '--port', '0', '--lambda-port', '0', '--state', state, ...args],
    { env: { ...process.env, ...env }, stdio: ['ignore', 'pipe', 'pipe'] },
  );
  let log = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    log += text;
  });
  const exited = new Promise<number | null>((done) => child.once('exit', done));
  const ready = await Promise.race([
    new Promise<Ready>((done) =>
      createInterface({ input: child.stdout }).once('line', (line) => done(JSON.parse(line) as Ready)),
    ),
    exited.then((code) => {
      throw new Error(`postern dev ended with ${code}:\n${log}`);
    }),
  ]);
  return {
    ...ready,
    pid: child.pid ?? 0,
    stateDir: state,
    log: () => log,
    async stop(signal = 'SIGTERM') {
      child.kill(signal);
      const code = await exited;
      if (code === UNDESCRIBED) throw new Error(log);
      if (stateDir === undefined) await rm(state, { recursive: true, force: true });
      return code;
    },
  };
}

export interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
}

export interface Call {
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string | string[]>>;
  /** A buffer goes with its length, pieces go chunked with none. */
  readonly body?: Buffer | string | Iterable<Buffer>;
}

/** Sends one request with the path exactly as given, on a connection of its own. */
export function send(
  origin: string,
  path: string,
  { method = 'POST', headers = {}, body }: Call = {},
): Promise<Answer> {
  const { promise, resolve: done, reject } = Promise.withResolvers<Answer>();
  const { hostname, port } = new URL(origin);
  const whole = typeof body === 'string' || Buffer.isBuffer(body);
  const length = whole ? { 'content-length': String(Buffer.byteLength(body)) } : {};
  const request = httpRequest({ hostname, port, path, method, headers: { ...length, ...headers }, agent: false });
  request.on('response', (response) => {
    const chunks: Buffer[] = [];
    response.on('data', (chunk: Buffer) => chunks.push(chunk));
    response.on('end', () =>
      done({ status: response.statusCode ?? 0, headers: response.headers, body: Buffer.concat(chunks) }),
    );
    response.on('error', reject);
  });
  request.on('error', reject);
  if (whole || body === undefined) request.end(body);
  else {
    (async () => {
      for (const piece of body) {
        if (!request.write(piece)) await new Promise((drained) => request.once('drain', drained));
      }
      request.end();
    })().catch(reject);
  }
  return promise;
}

/** A path of Invoke. */
export const invokePath = (name: string, query = ''): string =>
  `/2015-03-31/functions/${name}/invocations${query && `?${query}`}`;

/** One call as the local Lambda saw it. */
export interface SeenCall {
  readonly method: string;
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly bodyBytes: number;
  readonly bodySha256: string;
  readonly startedAtMs: number;
  /** Null while it runs. */
  readonly endedAtMs: number | null;
}

/** What the local Lambda has seen. A poll reads this: `takeCalls` would drop a call that comes while it reads. */
export const seenCalls = async (lambda: string): Promise<SeenCall[]> =>
  (await (await fetch(`${lambda}/_calls`)).json()) as SeenCall[];

/** What the local Lambda saw since it was last emptied, and empties it. Only while no call is on its way. */
export async function takeCalls(lambda: string): Promise<SeenCall[]> {
  const calls = await seenCalls(lambda);
  await fetch(`${lambda}/_calls`, { method: 'DELETE' });
  return calls;
}

/** Calls the admin API. */
export async function admin<T>(
  { gateway, adminToken }: Pick<Ready, 'gateway' | 'adminToken'>,
  method: string,
  path: string,
  document?: unknown,
): Promise<{ status: number; body: T }> {
  const answer = await send(gateway, `/admin/v1${path}`, {
    method,
    headers: {
      authorization: `Bearer ${adminToken}`,
      ...(document !== undefined && { 'content-type': 'application/json' }),
    },
    ...(document !== undefined && { body: JSON.stringify(document) }),
  });
  return {
    status: answer.status,
    body: (answer.body.length > 0 ? JSON.parse(answer.body.toString()) : undefined) as T,
  };
}

/** Makes a tenant with a key. */
export async function makeTenant(
  postern: Pick<Ready, 'gateway' | 'adminToken'>,
  allow: readonly object[],
  more: object = {},
): Promise<{ id: string; keyId: string; apiKey: string }> {
  const tenant = await admin<{ id: string }>(postern, 'POST', '/tenants', {
    name: 'story',
    policy: { allow },
    ...more,
  });
  const key = await admin<{ id: string; apiKey: string }>(postern, 'POST', `/tenants/${tenant.body.id}/keys`, {});
  return { id: tenant.body.id, keyId: key.body.id, apiKey: key.body.apiKey };
}
