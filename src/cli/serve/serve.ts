import { chmod, mkdir, stat, writeFile } from 'node:fs/promises';
import { isIPv6 } from 'node:net';
import { join, resolve } from 'node:path';
import { assertFree } from '../assert-free.ts';
import { usageError } from '../exit.ts';
import { lockState } from '../lock-state.ts';
import { renderServeConfig, workerFileOf } from './config.ts';
import { readEnvironment } from './read-environment.ts';
import { readTls } from './read-tls.ts';
import { type Exit, startWorkerd } from './start-workerd.ts';

export interface ServeOptions {
  /** An address of this machine; `0.0.0.0` or `::` for all of them. */
  readonly host: string;
  readonly port: number;
  readonly state: string;
  /** What `postern build` made; made now, if there is nothing. */
  readonly dist: string;
  /** A file of settings. */
  readonly settings?: string;
  readonly tlsCert?: string;
  readonly tlsKey?: string;
  readonly behindTlsProxy?: boolean;
  readonly clientIpHeader?: string;
  /** Gets what the operator should know. */
  readonly log: (line: string) => void;
}

export interface Served {
  readonly gateway: string;
  readonly exited: Promise<Exit>;
  /** Takes no new connection, lets calls in flight end, and cuts off what still runs after so many milliseconds. */
  stop(withinMs: number): Promise<void>;
  kill(): void;
}

/** Serves the gateway on workerd, with its state on this machine's disk. */
export async function startServe(options: ServeOptions): Promise<Served> {
  const { host, port, clientIpHeader, behindTlsProxy = false, log } = options;
  const env = await readEnvironment(process.env, options.settings, {
    ...(clientIpHeader !== undefined && { POSTERN_CLIENT_IP_HEADER: clientIpHeader }),
  });
  const tls = await readTlsOf(options);
  if (tls && behindTlsProxy) throw usageError('--behind-tls-proxy is for a proxy that ends TLS: leave --tls-cert out');
  if (!tls && !behindTlsProxy && !/^(127\.|::1$)/.test(host)) {
    log('Without TLS only callers on this machine are served: give --tls-cert and --tls-key, or --behind-tls-proxy.');
  }
  const workerFile = await ensureBuilt(resolve(options.dist), log);
  const stateDir = resolve(options.state);
  const objectsDir = await makeFolders(stateDir);
  const unlock = await lockState(stateDir);
  try {
    await assertFree(host, port, '--port');
    const configFile = join(stateDir, 'serve.capnp');
    const address = isIPv6(host) ? `[${host}]` : host;
    const config = renderServeConfig({
      workerFile,
      objectsDir,
      lambdaEndpoint: env.AWS_ENDPOINT_URL_LAMBDA,
      sockets: [
        {
          name: 'gateway',
          address: `${address}:${port}`,
          ...(tls && { tls }),
          behindTlsProxy,
          keepConnectingIp: env.POSTERN_CLIENT_IP_HEADER?.toLowerCase() === 'cf-connecting-ip',
        },
      ],
    });
    await writeFile(configFile, config, { mode: 0o600 });
    const workerd = await startWorkerd(configFile, 1, env);
    const exited = workerd.exited.finally(unlock);
    return {
      gateway: `${tls ? 'https' : 'http'}://${reachableAt(address)}:${workerd.ports.get('gateway')}`,
      exited,
      async stop(withinMs) {
        workerd.kill('SIGTERM');
        const cutOff = setTimeout(() => {
          log('Calls that still ran were cut off.');
          workerd.kill('SIGKILL');
        }, withinMs);
        await exited;
        clearTimeout(cutOff);
      },
      kill: () => workerd.kill('SIGKILL'),
    };
  } catch (error) {
    await unlock();
    throw error;
  }
}

async function readTlsOf({ tlsCert, tlsKey }: ServeOptions) {
  if (tlsCert === undefined && tlsKey === undefined) return undefined;
  if (tlsCert === undefined || tlsKey === undefined) throw usageError('--tls-cert and --tls-key go together');
  return await readTls(tlsCert, tlsKey);
}

async function ensureBuilt(dist: string, log: (line: string) => void): Promise<string> {
  const file = workerFileOf(dist);
  const isBuilt = await stat(file).then(
    () => true,
    () => false,
  );
  if (isBuilt) return file;
  log(`${dist} holds no build: making one ...`);
  // wrangler takes its time and memory to load: what is built needs none of it.
  const { buildWorker } = await import('../build.ts');
  return (await buildWorker(dist)).config;
}

/** The databases are their owner's alone, whatever the folder around them is. */
async function makeFolders(stateDir: string): Promise<string> {
  const objectsDir = join(stateDir, 'objects');
  try {
    await mkdir(stateDir, { recursive: true, mode: 0o700 });
    await mkdir(objectsDir, { recursive: true, mode: 0o700 });
    await chmod(objectsDir, 0o700);
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    throw usageError(`--state ${stateDir} must be a folder that can be written (${code ?? message})`);
  }
  return objectsDir;
}

/** An address to call, for one that only listens. */
function reachableAt(address: string): string {
  if (address === '0.0.0.0') return '127.0.0.1';
  return address === '[::]' ? '[::1]' : address;
}
