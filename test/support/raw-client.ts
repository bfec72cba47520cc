import { request as httpRequest, type IncomingHttpHeaders } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { connect as connectTcp, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';

/** A connection that a test writes to as it likes. */
export interface RawConnection {
  /** What is written and read: the TLS layer where there is one. */
  readonly socket: Socket;
  /** Sends the head of a request. Headers may repeat and need not be valid. */
  writeHead(method: string, path: string, headers: readonly (readonly [string, string])[]): void;
  /** Ends the connection by RST, as a killed process's kernel does; over TLS too. */
  reset(): void;
  /** Ends it by FIN, unread bytes notwithstanding. */
  close(): void;
  readonly closed: Promise<void>;
  /** What has come so far. Nothing is read unless `readable` was asked for. */
  readonly received: () => string;
}

/** Opens a connection to an origin. Whatever goes wrong on it closes it; nothing is thrown. */
export async function openRaw(
  origin: string,
  { readable = true, localAddress = '127.0.0.1' } = {},
): Promise<RawConnection> {
  const { protocol, hostname, port, host } = new URL(origin);
  const raw = connectTcp({ port: Number(port), host: hostname, localAddress });
  const socket = protocol === 'https:' ? connectTls({ socket: raw, rejectUnauthorized: false }) : raw;
  const { promise: closed, resolve } = Promise.withResolvers<void>();
  raw.on('error', () => {}).on('close', () => resolve());
  socket.on('error', () => raw.destroy());
  const ready = new Promise<void>((done) => {
    socket.once(protocol === 'https:' ? 'secureConnect' : 'connect', () => done());
    closed.then(done);
  });
  let text = '';
  if (readable) socket.on('data', (piece: Buffer) => (text = (text + piece.toString('latin1')).slice(-65_536)));
  await ready;
  return {
    socket,
    writeHead(method, path, headers) {
      const lines = headers.map(([name, value]) => `${name}: ${value}\r\n`).join('');
      socket.write(`${method} ${path} HTTP/1.1\r\nhost: ${host}\r\n${lines}\r\n`);
    },
    reset: () => void raw.resetAndDestroy(),
    close: () => void raw.destroy(),
    closed,
    received: () => text,
  };
}

export interface RawAnswer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
}

/** Sends a whole request on a connection of its own and reads the whole answer; over TLS, any certificate will do. */
export function sendRaw(
  origin: string,
  path: string,
  {
    method = 'POST',
    headers = {},
    body,
    timeoutMs,
  }: {
    method?: string;
    headers?: Readonly<Record<string, string>>;
    body?: Buffer | string | undefined;
    /** Leaves without an answer after this long. */
    timeoutMs?: number;
  } = {},
): Promise<RawAnswer> {
  const { promise, resolve, reject } = Promise.withResolvers<RawAnswer>();
  const { protocol, hostname, port } = new URL(origin);
  const length = body === undefined ? {} : { 'content-length': String(Buffer.byteLength(body)) };
  const options = {
    hostname,
    port,
    path,
    method,
    headers: { ...length, ...headers },
    agent: false as const,
    rejectUnauthorized: false,
    ...(timeoutMs !== undefined && { signal: AbortSignal.timeout(timeoutMs) }),
  };
  const request = (protocol === 'https:' ? httpsRequest : httpRequest)(options);
  request
    .on('response', (response) => {
      const pieces: Buffer[] = [];
      response
        .on('data', (piece: Buffer) => pieces.push(piece))
        .on('end', () => {
          if (!response.complete) reject(new Error('the answer broke off'));
          resolve({ status: response.statusCode ?? 0, headers: response.headers, body: Buffer.concat(pieces) });
        })
        .on('error', reject);
    })
    .on('error', reject)
    .end(body);
  return promise;
}
