import { randomBytes } from 'node:crypto';
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { Agent, request as httpRequest, type IncomingHttpHeaders } from 'node:http';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { startEmulator } from '../../src/emulator/start.ts';
import { OBJECT_CLASSES } from '../../src/state/bindings.ts';
import { admin, invokePath } from './postern.ts';
import { buildWorker, freePort, startWorkerd, workerModule } from './workerd.ts';

const WORKER = resolve(import.meta.dirname, '../../src/worker.ts');

/** Gateways that share their objects, each with an isolate of its own, as at the edge; and a local Lambda behind them. */
export interface Cluster {
  /** Where each gateway listens; the first one serves the admin API here. */
  readonly gateways: readonly string[];
  readonly lambda: string;
  readonly adminToken: string;
  admin<T>(method: string, path: string, document?: unknown): Promise<{ status: number; body: T }>;
  /** Kills all gateways and the objects with SIGKILL, and starts them again on what is on the disk. */
  crash(): Promise<void>;
  log(): string;
  stop(): Promise<void>;
}

export interface ClusterOptions {
  /** The Worker's source, where it is not the real one. */
  readonly worker?: string;
  /** What the objects' service is bound to. */
  readonly objectSettings?: Readonly<Record<string, string>>;
}

/** Starts `workerd serve` with so many gateways, on free ports. */
export async function startCluster(
  isolates = 1,
  { worker = WORKER, objectSettings = {} }: ClusterOptions = {},
): Promise<Cluster> {
  const folder = await mkdtemp(join(tmpdir(), 'postern-cluster-'));
  await mkdir(join(folder, 'objects'));
  await buildWorker(worker, folder);
  const credentials = { accessKeyId: 'AKIDEXAMPLE', secretAccessKey: randomBytes(20).toString('hex') };
  const emulator = await startEmulator({ port: 0, accountId: '123456789012', credentials, log: () => {} });
  const ports = await Promise.all(Array.from({ length: isolates }, () => freePort()));
  const adminToken = randomBytes(20).toString('hex');
  const settings = {
    POSTERN_ROOT_KEYS: `1:${randomBytes(32).toString('base64')}`,
    POSTERN_ADMIN_TOKEN: adminToken,
    AWS_ACCOUNT_ID: '123456789012',
    AWS_REGION: 'us-east-1',
    AWS_ACCESS_KEY_ID: credentials.accessKeyId,
    AWS_SECRET_ACCESS_KEY: credentials.secretAccessKey,
    AWS_ENDPOINT_URL_LAMBDA: emulator.url,
  };
  const textsOf = (values: Readonly<Record<string, string>>) =>
    Object.entries(values).map(([name, value]) => `(name = "${name}", text = "${value}")`);
  const objects = Object.entries(OBJECT_CLASSES).map(
    ([binding, name]) =>
      `(name = "${binding}", durableObjectNamespace = (className = "${name}", serviceName = "objects"))`,
  );
  const classes = Object.values(OBJECT_CLASSES).map(
    (name) => `(className = "${name}", uniqueKey = "postern-${name}", enableSql = true)`,
  );
  const config = `
  services = [
    (name = "objects", worker = (${workerModule(folder)}
      bindings = [${textsOf(objectSettings).join(', ')}],
      durableObjectNamespaces = [${classes.join(', ')}],
      durableObjectStorage = (localDisk = "disk"))),
    (name = "disk", disk = (path = "${join(folder, 'objects')}", writable = true)),
    (name = "internet", network = (allow = ["public", "private"])),
    ${ports
      .map(
        (_, at) =>
          `(name = "gateway${at}", worker = (${workerModule(folder)} bindings = [${[...textsOf(settings), ...objects].join(', ')}])),`,
      )
      .join('\n    ')}
  ],
  sockets = [${ports
    .map((port, at) => `(name = "http${at}", address = "127.0.0.1:${port}", http = (), service = "gateway${at}")`)
    .join(', ')}],`;
  let workerd = await startWorkerd(folder, config, ports);
  const gateways = ports.map((port) => `http://127.0.0.1:${port}`);
  const [gateway = ''] = gateways;
  return {
    gateways,
    lambda: emulator.url,
    adminToken,
    admin: (method, path, document) => admin({ gateway, adminToken }, method, path, document),
    async crash() {
      await workerd.end('SIGKILL');
      workerd = await startWorkerd(folder, config, ports);
    },
    log: () => workerd.log(),
    async stop() {
      await workerd.end('SIGTERM');
      await emulator.close();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

/** What became of a call: its status and, if it was Postern's, the reason; `lost` when no answer came. */
export type Outcome = string;

export interface LoadOptions {
  readonly calls: number;
  readonly connections: number;
  readonly apiKey: string;
  readonly functionName?: string;
  readonly payload?: string;
  /** Stops a caller before the call with this number. */
  readonly before?: (call: number) => Promise<void> | undefined;
}

/** Makes calls over so many connections that are kept open, spread over the gateways. @returns how many of each outcome. */
export async function load(
  gateways: readonly string[],
  { calls, connections, apiKey, functionName = 'hello', payload = '{}', before }: LoadOptions,
): Promise<{ counts: Record<Outcome, number>; headers: IncomingHttpHeaders }> {
  const agent = new Agent({ keepAlive: true, maxSockets: connections });
  const counts: Record<Outcome, number> = {};
  let last: IncomingHttpHeaders = {};
  const once = (gateway: string) =>
    new Promise<Outcome>((done) => {
      const { hostname, port } = new URL(gateway);
      const headers = {
        'x-api-key': apiKey,
        'content-type': 'application/json',
        'content-length': String(Buffer.byteLength(payload)),
      };
      const request = httpRequest({ hostname, port, path: invokePath(functionName), method: 'POST', agent, headers });
      request.on('response', (response) => {
        last = response.headers;
        response.resume().on('end', () => {
          done([response.statusCode, response.headers['x-postern-refusal']].filter(Boolean).join(' '));
        });
        response.on('error', () => done('lost'));
      });
      request.on('error', () => done('lost'));
      request.end(payload);
    });
  let next = 0;
  await Promise.all(
    Array.from({ length: connections }, async (_, connection) => {
      while (next < calls) {
        const call = next++;
        await before?.(call);
        const outcome = await once(gateways[connection % gateways.length] ?? '');
        counts[outcome] = (counts[outcome] ?? 0) + 1;
      }
    }),
  );
  agent.destroy();
  return { counts, headers: last };
}
