import { chmod, mkdir, stat, writeFile } from 'node:fs/promises';
import { isIPv6 } from 'node:net';
import { join, resolve } from 'node:path';
import { lockState } from '../local/lock-state.ts';
import { CommandError, usageError } from '../terminal/exit.ts';
import { renderServeConfig, type ServeSocket, type Serves, workerFileOf } from './config.ts';
import { type HeldSocket, holdSocket } from './hold-socket.ts';
import { describeOpenFiles, readOpenFileLimit } from './open-files.ts';
import { readEnvironment } from './read-environment.ts';
import { readTls, type TlsPair } from './read-tls.ts';
import { inheritedFile, startWorkerd } from './start-workerd.ts';
import { type Supervised, superviseWorkerd } from './supervise.ts';
import { openTlsStore, type TlsStore } from './tls-store.ts';

export interface ServeOptions {
  /** The address to listen on. `0.0.0.0` or `::` means all addresses of this machine. */
  readonly host: string;
  readonly port: number;
  /** The address of a separate listener for the admin API, used only with `adminPort`. Default 127.0.0.1. */
  readonly adminHost?: string;
  readonly adminPort?: number;
  readonly state: string;
  /** The output folder of `postern build`. If the folder has no build, the start builds the Worker. */
  readonly dist: string;
  /** The path of a settings file. */
  readonly settings?: string;
  readonly tlsCert?: string;
  readonly tlsKey?: string;
  readonly behindTlsProxy?: boolean;
  readonly clientIpHeader?: string;
  /** True if token issuers may also be on this machine. */
  readonly localIssuers?: boolean;
  /** Milliseconds that calls in flight get to finish when workerd is stopped or replaced. */
  readonly drainMs: number;
  /** Receives each line meant for the operator. */
  readonly log: (line: string) => void;
}

export interface Served {
  readonly gateway: string;
  /** The address of the admin API, if it has a separate listener. */
  readonly admin?: string;
  /** Settles when `stop` has ended the gateway. */
  readonly ended: Promise<void>;
  /** Reloads the certificate, if the gateway has one. Calls in flight get `drainMs` to finish. */
  reload(): Promise<void>;
  /** Accepts no new connections, lets calls in flight end, and cuts off calls that still run after `drainMs`. */
  stop(): Promise<void>;
  kill(): void;
}

interface Listening {
  readonly config: ServeSocket;
  readonly socket: HeldSocket;
  readonly url: string;
}

/** Paths of inherited descriptors. Position 0 is the lock on the databases, 1 is the key, and 2 is the certificate. */
const TLS_FILES = { keyFile: inheritedFile(1), certFile: inheritedFile(2) };

/** Serves the gateway on workerd, with its state on this machine's disk. */
export async function startServe(options: ServeOptions): Promise<Served> {
  const { clientIpHeader, drainMs, log } = options;
  const env = await readEnvironment({
    env: process.env,
    file: options.settings,
    flags: { name: '--client-ip-header', values: { POSTERN_CLIENT_IP_HEADER: clientIpHeader } },
    log,
  });
  checkOptions(options);
  const readPair = tlsReader(options);
  const pair = await readPair?.();
  const workerFile = await ensureBuilt(resolve(options.dist), log);
  const stateDir = resolve(options.state);
  const objectsDir = await makeFolders(stateDir);
  const lock = await lockState(stateDir);
  const databases = lock.databasesFd ?? 'ignore';
  const closers: (() => unknown)[] = [lock.release];
  let closing: Promise<void> | undefined;
  const close = () => {
    closing ??= (async () => {
      for (const closer of closers.reverse()) await closer();
    })();
    return closing;
  };
  try {
    const tls = readPair && pair && (await openTlsStore(stateDir, pair, readPair));
    if (tls) closers.push(tls.close);
    const listening = await listenAll(options, env, closers);
    const sockets = listening.map(({ config, socket: { fd } }) => ({ name: config.name, fd }));
    const configFile = join(stateDir, 'serve.capnp');
    const configs = listening.map(({ config }) => config);
    await writeConfig(configFile, workerFile, objectsDir, configs, env, options);
    const supervised = await superviseWorkerd({
      start: () => startWorkerd({ configFile, env, sockets, inherited: [databases, ...(tls?.fds() ?? [])] }),
      onStarted: () => tls?.confirm(),
      onFailedStart() {
        if (tls?.revert()) log('workerd did not start with the renewed certificate; it gets the previous one back.');
      },
      log,
    });
    await warn(options, supervised);
    const [gateway, admin] = listening.map(({ url }) => url);
    return {
      gateway: gateway ?? '',
      ...(admin !== undefined && { admin }),
      ended: supervised.ended.finally(close),
      reload: () => reload(tls, supervised, options),
      async stop() {
        await supervised.stop(drainMs);
        await close();
      },
      kill: supervised.kill,
    };
  } catch (error) {
    await close();
    throw error;
  }
}

function checkOptions({ tlsCert, tlsKey, behindTlsProxy, adminHost, adminPort, port }: ServeOptions): void {
  if ((tlsCert === undefined) !== (tlsKey === undefined)) throw usageError('--tls-cert and --tls-key go together');
  if (tlsCert !== undefined && behindTlsProxy) {
    throw usageError('--behind-tls-proxy is for a proxy that ends TLS: remove --tls-cert and --tls-key');
  }
  if (adminHost !== undefined && adminPort === undefined) throw usageError('--admin-host needs --admin-port');
  if (adminPort !== undefined && adminPort === port && port !== 0) {
    throw usageError(`--admin-port must differ from --port (${port})`);
  }
}

/** Returns a function that reads the certificate and its key. Undefined if the options name no certificate. */
function tlsReader({ tlsCert, tlsKey }: ServeOptions): (() => Promise<TlsPair>) | undefined {
  return tlsCert === undefined || tlsKey === undefined ? undefined : () => readTls(tlsCert, tlsKey);
}

interface Listener {
  readonly name: string;
  readonly host: string;
  readonly port: number;
  readonly option: string;
  readonly serves: Serves;
}

/** Returns the listeners to open. The gateway's listener comes first. */
function listenersOf({ host, port, adminHost = '127.0.0.1', adminPort }: ServeOptions): readonly Listener[] {
  const gateway = { name: 'gateway', host, port, option: '--port' } as const;
  if (adminPort === undefined) return [{ ...gateway, serves: 'all' }];
  return [
    { ...gateway, serves: 'callers' },
    { name: 'admin', host: adminHost, port: adminPort, option: '--admin-port', serves: 'admin' },
  ];
}

const isLoopback = (host: string): boolean => /^(127\.|::1$)/.test(host);

async function writeConfig(
  file: string,
  workerFile: string,
  objectsDir: string,
  sockets: readonly ServeSocket[],
  env: Readonly<Record<string, string>>,
  { localIssuers }: ServeOptions,
): Promise<void> {
  const lambdaEndpoint = env.AWS_ENDPOINT_URL_LAMBDA;
  const config = renderServeConfig({ workerFile, objectsDir, lambdaEndpoint, localIssuers, sockets });
  await writeFile(file, config, { mode: 0o600 });
}

async function listenAll(
  options: ServeOptions,
  env: Readonly<Record<string, string>>,
  closers: (() => unknown)[],
): Promise<readonly Listening[]> {
  const keepConnectingIp = env.POSTERN_CLIENT_IP_HEADER?.toLowerCase() === 'cf-connecting-ip';
  const listening: Listening[] = [];
  for (const listener of listenersOf(options)) {
    const one = await listen(listener, options, keepConnectingIp);
    closers.push(one.socket.release);
    listening.push(one);
  }
  return listening;
}

async function listen(
  { name, host, port, option, serves }: Listener,
  { tlsCert, behindTlsProxy = false }: ServeOptions,
  keepConnectingIp: boolean,
): Promise<Listening> {
  // Operators reach an admin API on loopback directly: without a proxy, and without a name that a certificate could contain.
  const isPrivate = serves === 'admin' && isLoopback(host);
  const hasTls = tlsCert !== undefined && !isPrivate;
  const isProxied = behindTlsProxy && !isPrivate;
  const socket = await holdSocket(host, port, option);
  return {
    socket,
    url: `${hasTls ? 'https' : 'http'}://${reachableAt(isIPv6(host) ? `[${host}]` : host)}:${socket.port}`,
    config: {
      name,
      serves,
      ...(hasTls && { tls: TLS_FILES }),
      behindTlsProxy: isProxied,
      // A proxy that passes TLS on may name callers in a header. Operators connect to their listener directly.
      isDirect: serves === 'admin' && !isProxied,
      keepConnectingIp,
    },
  };
}

/** Warns once, at the start, about settings that may surprise an operator. */
async function warn({ host, tlsCert, behindTlsProxy, log }: ServeOptions, { current }: Supervised): Promise<void> {
  if (tlsCert === undefined && !behindTlsProxy) {
    log(
      isLoopback(host)
        ? 'Plain HTTP, for callers on this machine only. Behind a proxy, give --behind-tls-proxy: a proxy that adds no header (nginx by default) looks like a local caller.'
        : 'Without TLS, only callers on this machine are served: give --tls-cert and --tls-key, or --behind-tls-proxy.',
    );
  }
  const limit = await readOpenFileLimit(current().pid);
  if (limit !== undefined) log(describeOpenFiles(limit));
}

async function reload(tls: TlsStore | undefined, supervised: Supervised, options: ServeOptions): Promise<void> {
  const { log, drainMs } = options;
  if (!tls) {
    log('SIGHUP: there is no certificate to reload. Settings are read only at the start: restart to change them.');
    return;
  }
  let validTo: string;
  try {
    validTo = await tls.reload();
  } catch (error) {
    if (!(error instanceof CommandError)) throw error;
    log(`SIGHUP: ${error.message}. The old certificate stays in use.`);
    return;
  }
  log(
    `SIGHUP: the new certificate is loaded (it expires on ${validTo}). New connections wait until the calls in flight have ended.`,
  );
  await supervised.replace(drainMs);
}

async function ensureBuilt(dist: string, log: (line: string) => void): Promise<string> {
  const file = workerFileOf(dist);
  const isBuilt = await stat(file).then(
    () => true,
    () => false,
  );
  if (isBuilt) return file;
  log(`${dist} has no build yet; building ...`);
  // wrangler loads slowly and uses much memory, so we load it only for a build.
  const { buildWorker } = await import('../local/build.ts');
  return (await buildWorker(dist)).config;
}

/** Creates the folders. Only the owner can open the databases' folder, whatever the mode of the state folder. */
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

/** Turns an address to listen on into an address to call. */
function reachableAt(address: string): string {
  if (address === '0.0.0.0') return '127.0.0.1';
  return address === '[::]' ? '[::1]' : address;
}
