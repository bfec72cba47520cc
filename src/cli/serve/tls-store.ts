import type { FileHandle } from 'node:fs/promises';
import { holdFile } from './hold-file.ts';
import type { TlsPair } from './read-tls.ts';

interface Held {
  readonly cert: FileHandle;
  readonly key: FileHandle;
}

/** The certificate and key that workerd starts with: the last ones that passed the check. */
export interface TlsStore {
  /** Descriptors of the pair in use: key, certificate. */
  readonly fds: () => readonly [number, number];
  /** Reads both files again and uses them. @throws what is wrong with them; the old ones then stay. @returns when the new certificate expires. */
  reload(): Promise<string>;
  /** A process has started with the pair in use: the previous pair is dropped. */
  confirm(): Promise<void>;
  /** Goes back to the pair before the last reload, if no process has started with the new one. */
  revert(): boolean;
  close(): Promise<void>;
}

/**
 * Holds a certificate and its key for workerd.
 *
 * @param read reads both again, and throws what is wrong with them.
 */
export async function openTlsStore(stateDir: string, first: TlsPair, read: () => Promise<TlsPair>): Promise<TlsStore> {
  const hold = async ({ cert, key }: TlsPair): Promise<Held> => ({
    cert: await holdFile(stateDir, cert),
    key: await holdFile(stateDir, key),
  });
  const release = async (pair: Held | undefined) => {
    await pair?.cert.close();
    await pair?.key.close();
  };
  let pair = await hold(first);
  let previous: Held | undefined;
  return {
    fds: () => [pair.key.fd, pair.cert.fd],
    async reload() {
      const next = await read();
      const held = await hold(next);
      // Before any `await`: two reloads may run at once, and each pair must be closed exactly once.
      const old = previous;
      previous = pair;
      pair = held;
      await release(old);
      return next.validTo;
    },
    async confirm() {
      const old = previous;
      previous = undefined;
      await release(old);
    },
    revert() {
      if (previous === undefined) return false;
      const failed = pair;
      pair = previous;
      previous = undefined;
      void release(failed);
      return true;
    },
    async close() {
      await release(pair);
      await release(previous);
    },
  };
}
