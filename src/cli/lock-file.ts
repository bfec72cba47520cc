import { spawn } from 'node:child_process';
import { type FileHandle, open } from 'node:fs/promises';

/**
 * Takes a file for this process and the children that inherit its descriptor. The kernel gives it free when the last of
 * them has closed it or died: nothing stale is ever left, no process id is compared, and containers that share the folder
 * see it too. The file stays: to remove a locked file would let two hold a lock of the same name.
 *
 * @returns the open file; `busy` if others hold it; `unsupported` where there is no `flock` (util-linux) or the file system
 * knows no locks.
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
