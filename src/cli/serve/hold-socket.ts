import { Worker } from 'node:worker_threads';
import { whyNotListen } from '../local/assert-free.ts';
import type { HoldAnswer, HoldOrder } from './hold-socket-thread.ts';

/** A listening socket on which this process never accepts a connection. */
export interface HeldSocket {
  /** The socket's descriptor in this process, for children to inherit. */
  readonly fd: number;
  readonly port: number;
  release(): void;
}

/**
 * Listens on a socket for the children of this process to inherit. The socket outlives each child: while no child runs,
 * connections wait in the backlog, and no other program can take the port.
 *
 * Node polls each server that it opens, and would accept connections itself. So a separate thread opens the server and
 * then blocks before it ever polls.
 *
 * @throws an error that says why, if we cannot listen at this address and port.
 */
export async function holdSocket(host: string, port: number, option: string): Promise<HeldSocket> {
  const gate = new SharedArrayBuffer(4);
  const thread = new Worker(new URL('./hold-socket-thread.ts', import.meta.url), {
    workerData: { host, port, gate } satisfies HoldOrder,
  });
  const answer = await new Promise<HoldAnswer>((answered, failed) => {
    thread.once('message', answered).once('error', failed);
  });
  if ('code' in answer) throw new Error(whyNotListen(answer.code, host, port, option));
  thread.unref();
  return {
    ...answer,
    release() {
      Atomics.store(new Int32Array(gate), 0, 1);
      Atomics.notify(new Int32Array(gate), 0);
    },
  };
}
