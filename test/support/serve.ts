import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { rmSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { readableLine } from '../../src/cli/local/access-line.ts';
import { buildWorker } from '../../src/cli/local/build.ts';
import { ensureDemo } from '../../src/cli/local/demo.ts';
import { openState, saveState } from '../../src/cli/local/dev-state.ts';
import { createAdminClient } from '../../src/cli/operator/admin-client.ts';
import { startEmulator } from '../../src/emulator/start.ts';
import type { PosternOptions, RunningPostern } from './running-postern.ts';

const CLI = resolve(import.meta.dirname, '../../src/cli/postern.ts');

let built: Promise<string> | undefined;

/** The current Worker, built once for each file of tests. */
const build = (): Promise<string> => {
  built ??= mkdtemp(join(tmpdir(), 'postern-dist-')).then(async (dist) => {
    process.once('exit', () => rmSync(dist, { recursive: true, force: true }));
    await buildWorker(dist);
    return dist;
  });
  return built;
};

/** A `postern serve` that is ready. */
export interface RunningServe {
  readonly gateway: string;
  /** Where the admin API is, if it has a listener of its own. */
  readonly admin?: string;
  readonly pid: number;
  readonly exited: Promise<number | null>;
  /** The lines of its standard output behind the first. */
  readonly lines: readonly string[];
  /** What it has written to standard error so far. */
  readonly errors: () => string;
  kill(signal?: NodeJS.Signals): void;
}

/** Settings of a gateway in front of a Lambda that takes these credentials. */
export const settingsFor = (
  endpoint: string,
  { accessKeyId, secretAccessKey }: { accessKeyId: string; secretAccessKey: string },
) => ({
  POSTERN_ROOT_KEYS: `1:${randomBytes(32).toString('base64')}`,
  POSTERN_ADMIN_TOKEN: randomBytes(32).toString('hex'),
  AWS_ACCOUNT_ID: '123456789012',
  AWS_REGION: 'us-east-1',
  AWS_ACCESS_KEY_ID: accessKeyId,
  AWS_SECRET_ACCESS_KEY: secretAccessKey,
  AWS_ENDPOINT_URL_LAMBDA: endpoint,
});

/** Starts `postern serve` on a free port, with these settings and no others. @throws what it said, when it ends at once. */
export async function startServe(
  args: readonly string[],
  settings: Readonly<Record<string, string>>,
  /** What runs it, such as `prlimit`. */
  runner: readonly string[] = [],
): Promise<RunningServe> {
  const command = [CLI, 'serve', '--json', '--port', '0', '--dist', await build(), ...args];
  const env = { PATH: process.env.PATH ?? '', ...settings };
  const [file = '', ...words] = [...runner, process.execPath, ...command];
  const child = spawn(file, words, { env, stdio: ['ignore', 'pipe', 'pipe'] });
  let errors = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    errors += text;
  });
  const exited = new Promise<number | null>((done) => {
    child.once('close', done);
    // A killed one leaves its workerd behind, with its standard output still open.
    child.once('exit', (code, signal) => signal && done(code));
  });
  const lines: string[] = [];
  const first = new Promise<string>((done) => {
    createInterface({ input: child.stdout })
      .once('line', done)
      .on('line', (line) => lines.push(line));
  });
  const line = await Promise.race([
    first,
    exited.then((code) => {
      throw new Error(`postern serve ended with ${code}:\n${errors}`);
    }),
  ]);
  const ready = JSON.parse(line) as Pick<RunningServe, 'gateway' | 'admin'>;
  const kill = (signal: NodeJS.Signals = 'SIGTERM') => void child.kill(signal);
  return { ...ready, pid: child.pid ?? 0, exited, lines, errors: () => errors, kill };
}

/** `startPostern` by `postern serve`: the same local Lambda and demo tenant around it. */
export async function startServed({ args = [], env = {}, stateDir }: PosternOptions): Promise<RunningPostern> {
  const state = stateDir ?? (await mkdtemp(join(tmpdir(), 'postern-')));
  const kept = await openState(state);
  let log = '';
  const [, endpoint] = args[0] === '--lambda-endpoint' ? args : [];
  const emulator = endpoint
    ? undefined
    : await startEmulator({
        port: 0,
        credentials: kept.lambda,
        ...(args[0] === '--functions' && args[1] !== undefined && { functionsDir: args[1] }),
        log: (line) => {
          log += `${line}\n`;
        },
      });
  const lambda = endpoint ?? emulator?.url ?? '';
  const credentials = endpoint ? { accessKeyId: 'test', secretAccessKey: 'test' } : kept.lambda;
  const serve = await startServe(['--state', state, '--local-issuers'], {
    ...settingsFor(lambda, credentials),
    // The tests stand where Cloudflare's edge is.
    POSTERN_CLIENT_IP_HEADER: 'CF-Connecting-IP',
    ...env,
    POSTERN_ROOT_KEYS: kept.rootKeys,
    POSTERN_ADMIN_TOKEN: kept.adminToken,
  });
  const { adminToken } = kept;
  const demo = await ensureDemo(createAdminClient(serve.gateway, adminToken), kept.demo);
  await saveState(state, { ...kept, demo });
  return {
    gateway: serve.gateway,
    lambda,
    console: null,
    adminToken,
    demo,
    pid: serve.pid,
    stateDir: state,
    log: () => log + serve.errors() + serve.lines.map(readableLine).join('\n'),
    async stop(signal = 'SIGTERM') {
      serve.kill(signal);
      const code = await serve.exited;
      await emulator?.close();
      if (stateDir === undefined) await rm(state, { recursive: true, force: true });
      return code;
    },
  };
}
