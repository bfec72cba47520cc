import { join } from 'node:path';
import { freePort } from '../support/workerd.ts';
import { startServer } from './machine.ts';

/** A Lambda that answers at once. */
export interface Upstream {
  readonly origin: string;
  stop(): Promise<void>;
}

export async function startUpstream(folder: string): Promise<Upstream> {
  const port = await freePort();
  const command = [process.execPath, join(import.meta.dirname, 'upstream-process.ts'), String(port)];
  const server = await startServer('load', command, { port, logFile: join(folder, 'upstream.log') });
  return { origin: `http://127.0.0.1:${port}`, stop: () => server.stop() };
}
