import { readdir, readFile, readlink, realpath, rm, writeFile } from 'node:fs/promises';
import { join, sep } from 'node:path';
import { setTimeout } from 'node:timers/promises';

/**
 * Keeps a second `postern dev` or `postern serve` away from a folder that one is using: two would write the same
 * databases.
 *
 * @returns what gives it free again.
 */
export async function lockState(dir: string): Promise<() => Promise<void>> {
  const file = join(dir, 'pid');
  const holder = Number(await readFile(file, 'utf8').catch(() => ''));
  const inUse = (by: number | string) =>
    new Error(`another postern (process ${by}) uses ${dir}; stop it, or choose another with --state`);
  if (holder > 0 && holder !== process.pid && (await isPostern(holder))) throw inUse(holder);
  await rm(file, { force: true });
  try {
    // `wx`: of two that start at once, one fails.
    await writeFile(file, String(process.pid), { mode: 0o600, flag: 'wx' });
  } catch (error) {
    throw (error as NodeJS.ErrnoException).code === 'EEXIST' ? inUse('just started') : error;
  }
  await endOrphans(dir);
  return () => rm(file, { force: true });
}

/** Whether a process is a Postern: after a restart of the machine its number may be somebody else's. */
async function isPostern(pid: number): Promise<boolean> {
  if (!isAlive(pid)) return false;
  const command = await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => undefined);
  return command === undefined || command.includes('postern');
}

/**
 * Ends each workerd that still has databases of a folder open: its parent was killed (SIGKILL) and could not take it
 * along. Two on one folder would each count on their own. Where there is no /proc, its port is found in use instead.
 */
async function endOrphans(dir: string): Promise<void> {
  const inside = (await realpath(dir)) + sep;
  const processes = await readdir('/proc').catch(() => []);
  for (const pid of processes.filter((name) => /^\d+$/.test(name))) {
    const name = await readFile(`/proc/${pid}/comm`, 'utf8').catch(() => '');
    if (name.trim() !== 'workerd') continue;
    const files = await readdir(`/proc/${pid}/fd`).catch(() => []);
    const targets = await Promise.all(files.map((fd) => readlink(`/proc/${pid}/fd/${fd}`).catch(() => '')));
    if (!targets.some((target) => target.startsWith(inside))) continue;
    process.kill(Number(pid), 'SIGKILL');
    // Its port is free only when it is gone.
    while (await isRunning(pid)) await setTimeout(10);
  }
}

/** Not so of one that is dead and whom nobody waits for, as in a container without an init; its threads may live on. */
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
