import { readFileSync } from 'node:fs';
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { generate } from 'selfsigned';
import { startEmulator } from '../../../src/emulator/start.ts';
import { type FaultyLambda, startFaultyLambda } from '../../support/faulty-lambda.ts';
import { childrenOf } from '../../support/memory.ts';
import { sendRaw } from '../../support/raw-client.ts';
import { type RunningServe, settingsFor, startServe } from '../../support/serve.ts';

const LAMBDA = { accessKeyId: 'AKIDEXAMPLE', secretAccessKey: 'secret-of-the-operator' };

/** A tenant, and one key of it in both its forms. */
export interface HostileTenant {
  readonly id: string;
  readonly keyId: string;
  readonly apiKey: string;
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
}

/** What a tenant used, as far as these tests look at it. */
export interface HostileUsage {
  readonly totals: {
    readonly calls: number;
    readonly forwarded: number;
    readonly unsettled: number;
    readonly refused: Readonly<Record<string, number>>;
  };
  readonly limits: readonly { readonly limit: string; readonly remaining: number }[];
}

/** A `postern serve` in front of a Lambda that can misbehave, and how to look inside. */
export interface World {
  readonly gateway: string;
  readonly lambda: FaultyLambda;
  /** The emulator behind it. */
  readonly emulator: string;
  readonly serve: RunningServe;
  makeTenant(limits?: object, more?: object): Promise<HostileTenant>;
  usage(tenantId: string): Promise<HostileUsage>;
  /** Lines of the call log, by tenant. */
  callLines(tenantId: string): readonly Readonly<Record<string, unknown>>[];
  /** File descriptors of workerd. */
  descriptors(): Promise<number>;
  stop(): Promise<void>;
}

export interface WorldOptions {
  readonly tls?: boolean;
  readonly args?: readonly string[];
  readonly stateDir?: string;
  /** Put before the command: `prlimit`, say. */
  readonly prefix?: readonly string[];
}

/** Slots of each tenant: taken ones are seen in its usage. */
export const CONCURRENCY = 40;

export async function startWorld({ tls = false, args = [], stateDir, prefix }: WorldOptions = {}): Promise<World> {
  const folder = await mkdtemp(join(tmpdir(), 'postern-hostile-'));
  const emulator = await startEmulator({ port: 0, credentials: LAMBDA, log: () => {} });
  const lambda = await startFaultyLambda(emulator.url);
  const settings = settingsFor(lambda.url, LAMBDA);
  const tlsArgs = tls ? await makeCertificate(folder) : [];
  const state = stateDir ?? join(folder, 'state');
  const serve = await startServe(['--state', state, ...tlsArgs, ...args], settings, prefix);
  const { gateway } = serve;

  const admin = async <T>(method: string, path: string, document?: unknown): Promise<T> => {
    const { status, body } = await sendRaw(gateway, `/admin/v1${path}`, {
      method,
      headers: { authorization: `Bearer ${settings.POSTERN_ADMIN_TOKEN}`, 'content-type': 'application/json' },
      body: document === undefined ? undefined : JSON.stringify(document),
    });
    if (status >= 300) throw new Error(`${method} ${path} was answered ${status}: ${body.toString()}`);
    return JSON.parse(body.toString()) as T;
  };
  return {
    gateway,
    lambda,
    emulator: emulator.url,
    serve,
    async makeTenant(limits = {}, more = {}) {
      const { id } = await admin<{ id: string }>('POST', '/tenants', {
        name: 'story',
        policy: { allow: [{ function: '*', logTail: true, clientContext: true }] },
        // A stream that Lambda broke off holds its slot for as long as its function may still run.
        limits: {
          concurrency: CONCURRENCY,
          maxDurationSeconds: 15,
          rate: { perSecond: 10_000, burst: 20_000 },
          ...limits,
        },
        ...more,
      });
      const key = await admin<Omit<HostileTenant, 'id' | 'keyId'> & { id: string }>('POST', `/tenants/${id}/keys`, {});
      return { ...key, id, keyId: key.id };
    },
    usage: (tenantId) => admin('GET', `/tenants/${tenantId}/usage`),
    callLines: (tenantId) =>
      serve.lines
        .filter((line) => line.includes(tenantId) && line.includes('"requestId"'))
        .map((line) => JSON.parse(line) as Record<string, unknown>)
        .filter(({ tenant }) => tenant === tenantId),
    async descriptors() {
      const isWorkerd = (pid: number) => readFileSync(`/proc/${pid}/comm`, 'utf8').trim() === 'workerd';
      const workerd = childrenOf(serve.pid).find(isWorkerd) ?? 0;
      return (await readdir(`/proc/${workerd}/fd`)).length;
    },
    async stop() {
      serve.kill();
      await serve.exited;
      await lambda.close();
      await emulator.close();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

async function makeCertificate(folder: string): Promise<string[]> {
  const { cert, private: key } = await generate([{ name: 'commonName', value: 'localhost' }]);
  const files = { cert: join(folder, 'tls.crt'), key: join(folder, 'tls.key') };
  await writeFile(files.cert, cert);
  await writeFile(files.key, key, { mode: 0o600 });
  return ['--tls-cert', files.cert, '--tls-key', files.key];
}
