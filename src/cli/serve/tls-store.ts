import type { FileHandle } from 'node:fs/promises';
import { holdFile } from './hold-file.ts';
import type { TlsPair } from './read-tls.ts';

interface Held {
  readonly cert: FileHandle;
  readonly key: FileHandle;
}

/** The certificate and key that workerd starts with: the last pair that passed the check. */
export interface TlsStore {
  /** Returns the descriptors of the current pair: the key, then the certificate. */
  readonly fds: () => readonly [number, number];
  /**
   * Reads both files again and makes them the current pair.
   *
   * @throws an error that says what is wrong with the files. The old pair then stays current.
   * @returns the time at which the new certificate expires.
   */
  reload(): Promise<string>;
  /** Drops the previous pair. Called after a process has started with the current pair. */
  confirm(): Promise<void>;
  /** Goes back to the pair before the last reload. Returns false if there is none, for example after `confirm`. */
  revert(): boolean;
  close(): Promise<void>;
}

/**
 * Holds a certificate and its key for workerd.
 *
 * @param read reads both files again. Throws an error that says what is wrong with the files.
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
      // Swaps the pairs without an `await`: two reloads may run at once, and each pair must be closed exactly once.
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
