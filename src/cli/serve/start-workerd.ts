import { spawn, spawnSync } from 'node:child_process';
import { createRequire } from 'node:module';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';

/** The exit code of a process, or the signal that ended the process. */
export type Exit = number | NodeJS.Signals;

export interface Workerd {
  readonly pid: number;
  /** Resolves once workerd listens on every socket. Rejects with the exit code or signal if workerd ends first. */
  readonly ready: Promise<void>;
  /** Resolves once the process has been reaped and its output has been read. */
  readonly exited: Promise<Exit>;
  /** Returns the last line that workerd wrote to standard error, if any. */
  readonly lastWords: () => string | undefined;
  kill(signal: NodeJS.Signals): void;
}

export interface WorkerdOptions {
  readonly configFile: string;
  /** The whole environment of workerd, which contains the secrets. */
  readonly env: Readonly<Record<string, string>>;
  /** The sockets that workerd takes over. Each `fd` is a listening descriptor of this process. */
  readonly sockets: readonly { readonly name: string; readonly fd: number }[];
  /** Descriptors that workerd inherits: the lock on its databases, and the files that the configuration embeds. */
  readonly inherited: readonly (number | 'ignore')[];
}

/** The order of descriptors in workerd: 0 to 2 as usual, the control pipe, the inherited descriptors, the sockets. */
const CONTROL_FD = 3;
const FIRST_INHERITED_FD = 4;

/** Returns the path at which workerd finds the inherited descriptor at a position. */
export const inheritedFile = (position: number): string => `/dev/fd/${FIRST_INHERITED_FD + position}`;

/** Maximum number of characters quoted from one line of workerd's output. */
const MAX_QUOTED_LENGTH = 300;

/**
 * Starts workerd with a configuration. workerd writes to our standard output directly, and to our standard error through
 * this process. workerd runs in a separate process group, so that Ctrl-C in a terminal reaches only this process.
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
  // Waits for 'close', so that workerd's last output is read to the end first.
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
  // Makes it safe not to await `ready`. A caller that awaits it still gets the rejection.
  ready.catch(() => {});
  return { pid: child.pid ?? 0, ready, exited, lastWords: () => last, kill: (signal) => void child.kill(signal) };
}

let deathWish: readonly string[] | undefined;

/**
 * Returns a prefix for workerd's command. The prefix makes the kernel send workerd SIGTERM when this process ends in any
 * way, so that no orphan keeps serving. Without `setpriv` (util-linux), the prefix is empty, and the next start on the same
 * state ends the orphan.
 */
function dieWithParent(): readonly string[] {
  if (deathWish === undefined) {
    const wish = ['setpriv', '--pdeathsig', 'TERM'];
    const [file = '', ...args] = wish;
    deathWish = spawnSync(file, [...args, 'true'], { stdio: 'ignore' }).status === 0 ? wish : [];
  }
  return deathWish;
}
