import { spawn } from 'node:child_process';
import { type FileHandle, open } from 'node:fs/promises';

/**
 * Locks a file for this process and the children that inherit its descriptor. The kernel releases the lock when the last
 * of these processes has closed the file or died. So locks never go stale, no process ids are compared, and containers
 * that share the folder respect the lock. The file is never removed: otherwise two processes could lock two different
 * files of the same name.
 *
 * @returns the open file; `busy` if another process holds the lock; `unsupported` if `flock` (util-linux) is missing or
 * the file system has no locks.
 */
export async function lockFile(path: string): Promise<FileHandle | 'busy' | 'unsupported'> {
  const file = await open(path, 'a', 0o600);
  // The lock belongs to the open file, which `flock` inherits from this process. So the lock outlives the command.
  const code = await new Promise<number | null>((done) => {
    spawn('flock', ['-n', '3'], { stdio: ['ignore', 'ignore', 'ignore', file.fd] })
      .once('error', () => done(null))
      .once('exit', done);
  });
  if (code === 0) return file;
  await file.close();
  return code === 1 ? 'busy' : 'unsupported';
}
