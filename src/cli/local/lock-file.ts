import { spawn } from 'node:child_process';
import { type FileHandle, open } from 'node:fs/promises';

/**
 * Locks a file for this process and the children that inherit its descriptor. The kernel releases the lock when the last
 * of them has closed it or died: no lock goes stale, no process id is compared, and containers that share the folder
 * see it too. The file stays: if a locked file were removed, two could hold a lock of the same name.
 *
 * @returns the open file; `busy` if others hold it; `unsupported` if there is no `flock` (util-linux) or the file system
 * has no locks.
 */
export async function lockFile(path: string): Promise<FileHandle | 'busy' | 'unsupported'> {
  const file = await open(path, 'a', 0o600);
  // The lock belongs to the open file, which this process shares with the command and keeps.
  const code = await new Promise<number | null>((done) => {
    spawn('flock', ['-n', '3'], { stdio: ['ignore', 'ignore', 'ignore', file.fd] })
      .once('error', () => done(null))
      .once('exit', done);
  });
  if (code === 0) return file;
  await file.close();
  return code === 1 ? 'busy' : 'unsupported';
}
