import { randomUUID } from 'node:crypto';
import { type FileHandle, open, rm } from 'node:fs/promises';
import { join } from 'node:path';

/**
 * Keeps bytes in an open file without a name, for child processes to inherit. The children read the bytes that we checked,
 * even if the original file has changed since. Nothing stays on disk.
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
