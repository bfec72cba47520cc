import { connect, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';

/** A request whose body its sender controls byte by byte. */
export interface SlowUpload {
  readonly socket: Socket;
  /** What has been answered so far. */
  readonly answer: () => string;
  /** The gateway has ended the connection. */
  readonly isOver: () => boolean;
  send(bytes: number): void;
  /** Sends one byte each time this long has passed. */
  drip(everyMs: number): void;
  /** Leaves by a reset. */
  reset(): void;
  /** Leaves as one does. */
  leave(): void;
}

export interface UploadHead {
  readonly path: string;
  readonly headers: Readonly<Record<string, string | readonly string[]>>;
  /** Without it the body is chunked. */
  readonly declaredBytes?: number;
}

/** Opens a connection, plain or TLS, and sends the head of a request. */
export async function startUpload(origin: string, { path, headers, declaredBytes }: UploadHead): Promise<SlowUpload> {
  const { protocol, hostname, host, port } = new URL(origin);
  const wire = connect({ host: hostname, port: Number(port) });
  wire.on('error', () => {});
  const socket = protocol === 'https:' ? connectTls({ socket: wire, rejectUnauthorized: false }) : wire;
  let text = '';
  let over = false;
  let timer: NodeJS.Timeout | undefined;
  socket.on('data', (data: Buffer) => {
    text += data.toString('latin1');
  });
  socket.on('error', () => {});
  socket.on('close', () => {
    over = true;
    clearInterval(timer);
  });
  const isChunked = declaredBytes === undefined;
  const framing = isChunked ? { 'transfer-encoding': 'chunked' } : { 'content-length': String(declaredBytes) };
  const lines = Object.entries({ host, ...headers, ...framing }).flatMap(([name, values]) =>
    [values].flat().map((value) => `${name}: ${value}`),
  );
  const head = `POST ${path} HTTP/1.1\r\n${lines.join('\r\n')}\r\n\r\n`;
  await new Promise<void>((written) => socket.write(head, () => written()));
  const send = (bytes: number) => {
    if (over || bytes === 0) return;
    const body = ' '.repeat(bytes);
    socket.write(isChunked ? `${bytes.toString(16)}\r\n${body}\r\n` : body);
  };
  return {
    socket,
    answer: () => text,
    isOver: () => over,
    send,
    drip(everyMs) {
      timer = setInterval(() => send(1), everyMs);
    },
    reset() {
      clearInterval(timer);
      wire.resetAndDestroy();
      socket.destroy();
    },
    leave() {
      clearInterval(timer);
      socket.destroy();
    },
  };
}
