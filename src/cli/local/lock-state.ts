import type { FileHandle } from 'node:fs/promises';
import { readdir, readFile, readlink, realpath, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { lockFile } from './lock-file.ts';

/** Our lock on a state folder. */
export interface StateLock {
  /** A descriptor for workerd to inherit, so that workerd locks the databases while it lives. Undefined without locks. */
  readonly databasesFd: number | undefined;
  release(): Promise<void>;
}

/** Maximum time in milliseconds to wait for the databases' lock after an orphan was killed. */
const ORPHAN_MS = 10_000;

/**
 * Locks a folder against a second `postern dev` or `postern serve`, which would write to the same databases. There are two
 * locks: one for the `postern` process, and one for the databases, which its workerd also holds. So an orphaned workerd
 * keeps the databases locked until this function kills the orphan.
 *
 * @param orElse the end of the error message: the alternative to stopping the other `postern`
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
  // Without a kernel lock, we have only the process id to check, and two processes that start at once may both go on.
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

/** True if a live process is, or may be, a Postern. After a reboot, the recorded id may belong to another program. */
async function isPostern(pid: number): Promise<boolean> {
  if (!(pid > 0 && isAlive(pid))) return false;
  const command = await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => undefined);
  return command === undefined || command.includes('postern');
}

/**
 * Kills each workerd that still has the folder's databases open because its parent was killed (SIGKILL) and left it behind.
 * Two workerd processes on one folder would count calls separately. Without /proc we cannot find the orphan; the start then
 * finds the orphan's port in use instead.
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
    // The port of the orphan is free only after the orphan has ended.
    while (await isRunning(pid)) await setTimeout(10);
  }
}

/** Kills a process. Does nothing if the process has already ended. */
function kill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}

/** True if a process runs. A zombie, as in a container without an init, counts as running only if other threads live on. */
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
