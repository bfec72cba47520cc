import { type AddressInfo, createServer, type Socket } from 'node:net';

/** A Lambda that misbehaves on the wire: what becomes of a connection is the test's to say. */
export interface RawUpstream {
  readonly url: string;
  /** Connections that stand open now. */
  readonly open: ReadonlySet<Socket>;
  stop(): Promise<void>;
}

export async function startRawUpstream(onConnection: (socket: Socket) => void): Promise<RawUpstream> {
  const open = new Set<Socket>();
  const server = createServer((socket) => {
    open.add(socket);
    socket.on('close', () => open.delete(socket)).on('error', () => {});
    onConnection(socket);
  });
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    open,
    async stop() {
      for (const socket of open) socket.destroy();
      await new Promise((closed) => server.close(closed));
    },
  };
}
