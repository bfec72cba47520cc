import type { FileHandle } from 'node:fs/promises';
import { readdir, readFile, readlink, realpath, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { lockFile } from './lock-file.ts';

/** A state folder that is ours. */
export interface StateLock {
  /** Workerd inherits it, and so holds the folder's databases while it lives. Absent without `flock`. */
  readonly databasesFd: number | undefined;
  release(): Promise<void>;
}

/** The longest that databases may stay locked after their orphan was killed. */
const ORPHAN_MS = 10_000;

/**
 * Keeps a second `postern dev` or `postern serve` away from a folder that one is using: two would write the same
 * databases. There are two locks: one for the `postern` process, and one for the databases, which its workerd holds too. So
 * a workerd that was left behind keeps the folder until it is ended here.
 *
 * `orElse` ends the error: what to do if the other `postern` is to go on.
 */
export async function lockState(dir: string, orElse = 'choose another folder with --state'): Promise<StateLock> {
  const pidFile = join(dir, 'pid');
  const held: FileHandle[] = [];
  const release = async () => {
    await rm(pidFile, { force: true });
    for (const file of held.splice(0)) await file.close();
  };
  const own = await lockFile(join(dir, 'lock'));
  const holder = Number(await readFile(pidFile, 'utf8').catch(() => ''));
  // Without a kernel lock, only the process id is known. Two that start at once may then both go on.
  const inUse = own === 'unsupported' ? holder !== process.pid && (await isPostern(holder)) : own === 'busy';
  if (inUse) {
    const by = holder > 0 ? `process ${holder}` : 'just started';
    throw new Error(`another postern (${by}) is using ${dir}; stop it, or ${orElse}`);
  }
  if (typeof own === 'object') held.push(own);
  try {
    await writeFile(pidFile, String(process.pid), { mode: 0o600 });
    await endOrphans(dir);
    const databases = await lockDatabases(dir);
    if (databases) held.push(databases);
    return { databasesFd: databases?.fd, release };
  } catch (error) {
    await release();
    throw error;
  }
}

async function lockDatabases(dir: string): Promise<FileHandle | undefined> {
  const deadline = performance.now() + ORPHAN_MS;
  while (true) {
    const lock = await lockFile(databasesLock(dir));
    if (lock === 'unsupported') return undefined;
    if (lock !== 'busy') return lock;
    if (performance.now() > deadline) {
      throw new Error(
        `a workerd process left behind by another postern is still using ${dir}, and this process cannot stop it: stop it yourself, or choose another folder with --state`,
      );
    }
    await setTimeout(50);
  }
}

const databasesLock = (dir: string) => join(dir, 'objects.lock');

/** True if a process is a Postern: after a restart of the machine another process may have its number. */
async function isPostern(pid: number): Promise<boolean> {
  if (!(pid > 0 && isAlive(pid))) return false;
  const command = await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => undefined);
  return command === undefined || command.includes('postern');
}

/**
 * Ends each workerd that still has databases of a folder open: its parent was killed (SIGKILL) and could not take it
 * along. Two on one folder would each count on their own. Where there is no /proc, its port is found in use instead.
 */
async function endOrphans(dir: string): Promise<void> {
  const real = await realpath(dir);
  const objects = join(real, 'objects');
  const isOurs = (target: string) =>
    target === objects || target.startsWith(`${objects}/`) || target === databasesLock(real);
  const processes = await readdir('/proc').catch(() => []);
  for (const pid of processes.filter((name) => /^\d+$/.test(name))) {
    const name = await readFile(`/proc/${pid}/comm`, 'utf8').catch(() => '');
    if (name.trim() !== 'workerd') continue;
    const files = await readdir(`/proc/${pid}/fd`).catch(() => []);
    const targets = await Promise.all(files.map((fd) => readlink(`/proc/${pid}/fd/${fd}`).catch(() => '')));
    if (!targets.some(isOurs)) continue;
    kill(Number(pid));
    // Its port is free only when it is gone.
    while (await isRunning(pid)) await setTimeout(10);
  }
}

/** Ignores a process that has ended since it was found. */
function kill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}

/** False for a zombie, as in a container without an init, unless it has other threads that live on. */
async function isRunning(pid: string): Promise<boolean> {
  const status = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => undefined);
  const threads = await readdir(`/proc/${pid}/task`).catch(() => []);
  return status !== undefined && (threads.length > 1 || !status.slice(status.lastIndexOf(')')).startsWith(') Z'));
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}
