import { createServer, request as httpRequest, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { FAULTS } from './upstream-faults.ts';

/** A Lambda that misbehaves for functions whose name is that of a fault, and passes all else to a real one. */
export interface FaultyLambda {
  readonly url: string;
  /** How many requests came for each fault. */
  readonly received: ReadonlyMap<string, number>;
  /** Ends every request that is still left hanging, as the end of its function would. */
  hangUp(): void;
  /** Breaks every connection and refuses new ones for so long. */
  outage(ms: number): Promise<void>;
  close(): Promise<void>;
}

/** The fault that a request's function is named after. */
const faultOf = (url: string) => /%3Afunction%3A(fault-[a-z0-9-]+)/.exec(url)?.[1];

/** Starts it on a free port in front of the emulator at `lambda`. */
export async function startFaultyLambda(lambda: string): Promise<FaultyLambda> {
  const received = new Map<string, number>();
  const sockets = new Set<Socket>();
  const misbehaving = new Set<Socket>();
  const upstream = new URL(lambda);

  const pass = (request: IncomingMessage, response: ServerResponse) => {
    const { url = '/', method = 'POST', headers } = request;
    // The signature covers Host: it stays what the gateway sent.
    const onward = httpRequest({ hostname: upstream.hostname, port: upstream.port, path: url, method, headers });
    onward
      .on('response', (answer) => {
        response.writeHead(answer.statusCode ?? 502, answer.rawHeaders);
        answer.pipe(response);
      })
      .on('error', () => response.destroy());
    request.pipe(onward);
  };

  const server = createServer({ maxHeaderSize: 131_072, keepAliveTimeout: 65_000, requestTimeout: 0 });
  server.on('connection', (socket: Socket) => {
    sockets.add(socket);
    socket
      .on('error', () => {})
      .on('close', () => {
        sockets.delete(socket);
        misbehaving.delete(socket);
      });
  });
  server.on('request', (request, response) => {
    const name = faultOf(request.url ?? '');
    const fault = name === undefined ? undefined : FAULTS[name.slice('fault-'.length)];
    if (name === undefined || fault === undefined) return pass(request, response);
    misbehaving.add(request.socket);
    received.set(name, (received.get(name) ?? 0) + 1);
    request.on('error', () => {});
    const misbehave = () => fault.misbehave(request.socket);
    if (fault.readsBody === false) misbehave();
    else request.resume().on('end', misbehave);
  });
  const listen = (port: number) => new Promise<void>((listening) => server.listen(port, '127.0.0.1', listening));
  const close = async () => {
    const closed = new Promise((done) => server.close(done));
    for (const socket of sockets) socket.destroy();
    await closed;
  };
  await listen(0);
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    received,
    hangUp: () => {
      for (const socket of misbehaving) socket.destroy();
    },
    async outage(ms) {
      await close();
      await new Promise((waited) => setTimeout(waited, ms));
      await listen(port);
    },
    close,
  };
}
