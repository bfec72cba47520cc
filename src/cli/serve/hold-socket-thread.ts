import { type AddressInfo, createServer } from 'node:net';
import { parentPort, workerData } from 'node:worker_threads';

/** The thread's input: the address to listen at, and the memory to wait on. */
export interface HoldOrder {
  readonly host: string;
  readonly port: number;
  readonly gate: SharedArrayBuffer;
}

/** The thread's answer: the listening socket, or the system's error code. */
export type HoldAnswer = { readonly fd: number; readonly port: number } | { readonly code: string | undefined };

const { host, port, gate } = workerData as HoldOrder;
const server = createServer();
server.once('error', ({ code }: NodeJS.ErrnoException) => parentPort?.postMessage({ code } satisfies HoldAnswer));
server.listen(port, host, () => {
  const { fd } = (server as unknown as { readonly _handle: { readonly fd: number } })._handle;
  parentPort?.postMessage({ fd, port: (server.address() as AddressInfo).port } satisfies HoldAnswer);
  // Blocks this thread, so that the thread never polls and takes no connection away from workerd.
  Atomics.wait(new Int32Array(gate), 0, 0);
  server.close();
});
