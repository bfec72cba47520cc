import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync, truncateSync } from 'node:fs';
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { availableParallelism, cpus, release } from 'node:os';

if (process.platform !== 'linux') {
  throw new Error('the benchmark reads CPU time and memory from /proc: run it on Linux (a container will do)');
}

const run = (command: string, args: readonly string[]) => execFileSync(command, args, { encoding: 'utf8' }).trim();
const TICKS_PER_SECOND = Number(run('getconf', ['CLK_TCK']));

const hasTaskset = (() => {
  try {
    run('taskset', ['--version']);
    return true;
  } catch {
    return false;
  }
})();

/** Whether each server has a core to itself, with load and upstream on another. */
export const isPinned = hasTaskset && availableParallelism() >= 2;
const CORES = { server: '0', load: '1' };

/** The same command, held to one core where the machine has two and `taskset`. */
export function pinned(core: keyof typeof CORES, command: readonly string[]): string[] {
  return isPinned ? ['taskset', '-c', CORES[core], ...command] : [...command];
}

/** Holds this process to a core. */
export function pinSelf(core: keyof typeof CORES): void {
  if (isPinned) run('taskset', ['-a', '-c', '-p', CORES[core], String(process.pid)]);
}

/** What the figures were measured on, in one line. */
export function describeMachine(): string {
  const pinning = isPinned ? 'one core for the server, another for load and upstream' : 'not pinned to cores';
  return `${cpus().length} cores of ${cpus()[0]?.model.trim() ?? 'an unknown model'}, Linux ${release()}, ${pinning}`;
}

/** A server that is measured: a process, and those that it started. */
export interface Server {
  readonly pid: number;
  /** The last of what it has written. */
  log(): Promise<string>;
  /** Empties its log, so that a long run does not fill the disk. */
  truncateLog(): void;
  stop(): Promise<void>;
}

/** Starts a server on its core, its output in a file, as a service's is, and waits until it answers at a port. */
export async function startServer(
  core: keyof typeof CORES,
  command: readonly string[],
  { port, logFile, env = {} }: { port: number; logFile: string; env?: Readonly<Record<string, string>> },
): Promise<Server> {
  const [file = '', ...args] = pinned(core, command);
  const output = openSync(logFile, 'a');
  const child = spawn(file, args, { stdio: ['ignore', output, output], env: { ...process.env, ...env } });
  closeSync(output);
  const exited = once(child, 'exit');
  const kill = () => child.kill('SIGKILL');
  process.once('exit', kill);
  const log = async () => (await readFile(logFile, 'utf8')).slice(-4_000);
  for (let attempt = 0; ; attempt++) {
    try {
      await fetch(`http://127.0.0.1:${port}/`);
      break;
    } catch (error) {
      if (attempt === 200 || child.exitCode !== null) {
        throw new Error(`${file} ${args[0]} does not answer at port ${port}:\n${await log()}`, { cause: error });
      }
      await new Promise((waited) => setTimeout(waited, 50));
    }
  }
  return {
    pid: child.pid ?? 0,
    log,
    truncateLog: () => truncateSync(logFile),
    async stop() {
      if (child.exitCode === null && child.signalCode === null) child.kill('SIGTERM');
      await exited;
      process.off('exit', kill);
    },
  };
}

/** The fields of `/proc/PID/stat` that follow the command's name; the first is the state, field 3 of proc(5). */
async function statOf(pid: number): Promise<string[]> {
  const text = await readFile(`/proc/${pid}/stat`, 'utf8');
  return text.slice(text.lastIndexOf(')') + 2).split(' ');
}

/** A process and all that it started. */
async function treeOf(root: number): Promise<number[]> {
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name)).map(Number);
  const parents = new Map<number, number>();
  for (const pid of pids) {
    const stat = await statOf(pid).catch(() => undefined); // it has ended meanwhile
    if (stat) parents.set(pid, Number(stat[1]));
  }
  const tree = [root];
  for (const parent of tree) for (const [pid, of] of parents) if (of === parent) tree.push(pid);
  return tree;
}

/** CPU time, user and system, of all of a server's processes and threads so far, in microseconds. */
export async function cpuMicroseconds(root: number): Promise<number> {
  let ticks = 0;
  for (const pid of await treeOf(root)) {
    const stat = await statOf(pid);
    ticks += Number(stat[11]) + Number(stat[12]);
  }
  return (ticks / TICKS_PER_SECOND) * 1e6;
}

/** Memory of all of a server's processes in bytes: resident now, and the most there was since it was last reset. */
export async function memoryBytes(root: number): Promise<{ resident: number; peak: number }> {
  const sum = { resident: 0, peak: 0 };
  for (const pid of await treeOf(root)) {
    const status = await readFile(`/proc/${pid}/status`, 'utf8');
    const kib = (field: string) => Number(new RegExp(`^${field}:\\s+(\\d+) kB$`, 'm').exec(status)?.[1] ?? 0);
    sum.resident += kib('VmRSS') * 1024;
    sum.peak += kib('VmHWM') * 1024;
  }
  return sum;
}

/** Has the peak begin again at what is resident now (proc(5), clear_refs). */
export async function resetPeak(root: number): Promise<void> {
  for (const pid of await treeOf(root)) await writeFile(`/proc/${pid}/clear_refs`, '5');
}
