import { spawn, spawnSync } from 'node:child_process';
import { createRequire } from 'node:module';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';

/** How a process ended: by a code, or by a signal. */
export type Exit = number | NodeJS.Signals;

export interface Workerd {
  readonly pid: number;
  /** Settles once workerd listens on every socket. Rejects with how it ended instead. */
  readonly ready: Promise<void>;
  /** Settles once the process has been reaped. */
  readonly exited: Promise<Exit>;
  /** The last line it wrote to standard error, if any. */
  readonly lastWords: () => string | undefined;
  kill(signal: NodeJS.Signals): void;
}

export interface WorkerdOptions {
  readonly configFile: string;
  /** All of its environment, where the secrets are. */
  readonly env: Readonly<Record<string, string>>;
  /** The sockets that it takes over, each a listening descriptor of ours. */
  readonly sockets: readonly { readonly name: string; readonly fd: number }[];
  /** Descriptors that it inherits: the lock on its databases, and what the configuration embeds. */
  readonly inherited: readonly (number | 'ignore')[];
}

/** Descriptors in workerd: 0 to 2 as usual, then the control pipe, then those inherited, then the sockets. */
const CONTROL_FD = 3;
const FIRST_INHERITED_FD = 4;

/** The path at which workerd finds an inherited descriptor, by its position. */
export const inheritedFile = (position: number): string => `/dev/fd/${FIRST_INHERITED_FD + position}`;

/** Most characters quoted from one line of workerd's output. */
const MAX_QUOTED_LENGTH = 300;

/**
 * Starts workerd with a configuration. workerd writes directly to our standard output, and through us to standard error.
 * It runs in a separate process group, so that Ctrl-C in a terminal does not reach it before us.
 */
export function startWorkerd({ configFile, env, sockets, inherited }: WorkerdOptions): Workerd {
  const { default: binary } = createRequire(import.meta.url)('workerd') as { readonly default: string };
  const socketFds = sockets.map(({ name }, at) => `--socket-fd=${name}=${FIRST_INHERITED_FD + inherited.length + at}`);
  const command = [
    binary,
    'serve',
    '--import-path=/',
    `--control-fd=${CONTROL_FD}`,
    ...socketFds,
    configFile,
    'config',
  ];
  const [file = binary, ...args] = [...dieWithParent(), ...command];
  const child = spawn(file, args, {
    detached: true,
    env,
    stdio: ['ignore', 'inherit', 'pipe', 'pipe', ...inherited, ...sockets.map(({ fd }) => fd)],
  });
  const { promise: exited, resolve: ended, reject } = Promise.withResolvers<Exit>();
  let last: string | undefined;
  child.once('error', reject);
  // What it wrote last is read to its end first.
  let exit: Exit = 1;
  child.once('exit', (code, signal) => {
    exit = signal ?? code ?? 1;
  });
  child.once('close', () => ended(exit));
  const errors = child.stdio[2] as Readable;
  errors.pipe(process.stderr, { end: false });
  createInterface({ input: errors }).on('line', (line) => {
    if (line.trim() !== '') last = line.slice(0, MAX_QUOTED_LENGTH);
  });
  const listening = new Set<string>();
  const allListen = new Promise<void>((done) => {
    createInterface({ input: child.stdio[CONTROL_FD] as Readable }).on('line', (line) => {
      const { event, socket } = JSON.parse(line) as { event: string; socket: string };
      if (event === 'listen') listening.add(socket);
      if (listening.size === sockets.length) done();
    });
  });
  const ready = Promise.race([allListen, exited.then((how) => Promise.reject(new Error(`it ended with ${how}`)))]);
  // The rejection reaches any caller that awaits it; nobody has to.
  ready.catch(() => {});
  return { pid: child.pid ?? 0, ready, exited, lastWords: () => last, kill: (signal) => void child.kill(signal) };
}

let deathWish: readonly string[] | undefined;

/**
 * A prefix to workerd's command: the kernel sends workerd SIGTERM when this process ends in any way, so that no orphan
 * goes on serving. Needs `setpriv` of util-linux. Without it, the next start on the same state ends the orphan.
 */
function dieWithParent(): readonly string[] {
  if (deathWish === undefined) {
    const wish = ['setpriv', '--pdeathsig', 'TERM'];
    const [file = '', ...args] = wish;
    deathWish = spawnSync(file, [...args, 'true'], { stdio: 'ignore' }).status === 0 ? wish : [];
  }
  return deathWish;
}
