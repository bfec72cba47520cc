import { format } from 'node:util';

const levels = { log: 'INFO', info: 'INFO', warn: 'WARN', error: 'ERROR', debug: 'DEBUG', trace: 'TRACE' } as const;

/**
 * Sends everything that this thread prints to `write`. Console lines get the text format of Lambda's Node runtime,
 * `<time>\t<requestId>\t<LEVEL>\t<message>`. Text written to stdout or stderr stays unchanged.
 */
export function captureOutput(write: (text: string) => void, requestId: () => string | undefined): void {
  for (const [method, level] of Object.entries(levels)) {
    const line = (...values: unknown[]) => {
      write(`${new Date().toISOString()}\t${requestId()}\t${level}\t${format(...values)}\n`);
    };
    Object.defineProperty(console, method, { value: line, writable: true, configurable: true });
  }
  for (const stream of [process.stdout, process.stderr]) {
    const capture = (chunk: string | Uint8Array, encoding?: unknown, callback?: unknown) => {
      write(typeof chunk === 'string' ? chunk : Buffer.from(chunk).toString());
      const done = typeof encoding === 'function' ? encoding : callback;
      if (typeof done === 'function') queueMicrotask(() => done());
      return true;
    };
    Object.defineProperty(stream, 'write', { value: capture, writable: true, configurable: true });
  }
}
