import { randomUUID } from 'node:crypto';
import { type FileHandle, open, rm } from 'node:fs/promises';
import { join } from 'node:path';

/**
 * Keeps bytes in a file that has no name any more, for children to inherit: they read what was checked, whatever stands
 * under the original's name by then, and nothing stays on disk.
 */
export async function holdFile(dir: string, bytes: Uint8Array): Promise<FileHandle> {
  const path = join(dir, `held-${randomUUID()}`);
  const file = await open(path, 'wx+', 0o600);
  try {
    await file.writeFile(bytes);
    return file;
  } catch (error) {
    await file.close();
    throw error;
  } finally {
    await rm(path, { force: true });
  }
}
