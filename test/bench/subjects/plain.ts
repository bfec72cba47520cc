import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { buildWorker, freePort, WORKERD, workerModule } from '../../support/workerd.ts';
import { startServer } from '../machine.ts';
import { INVOKE_PATH, type Site, type Subject } from './subject.ts';
import { writeWorkerdConfig } from './workerd.ts';

/** Starts one of the small workers beside this file under `workerd serve`, bundled and minified as Postern is. */
export async function startWorker(name: string, entry: string, { folder, upstream }: Site): Promise<Subject> {
  await buildWorker(join(import.meta.dirname, entry), folder);
  const port = await freePort();
  const config = await writeWorkerdConfig(folder, {
    port,
    worker: `${workerModule(folder)} bindings = [
      (name = "UPSTREAM", text = "${upstream}"),
      (name = "SECRET_ACCESS_KEY", text = "${randomBytes(20).toString('hex')}")]`,
  });
  const server = await startServer('server', [WORKERD, 'serve', config], { port, logFile: join(folder, 'log') });
  return { name, server, url: `http://127.0.0.1:${port}${INVOKE_PATH}`, stop: () => server.stop() };
}

/** Starts one of the gateways in Node beside this file. */
export async function startNodeGateway(
  name: string,
  entry: string,
  { folder, upstream }: Site,
  apiKey: string,
): Promise<Subject> {
  const port = await freePort();
  const server = await startServer('server', [process.execPath, join(import.meta.dirname, entry)], {
    port,
    logFile: join(folder, 'log'),
    env: {
      NODE_ENV: 'production',
      BENCH_UPSTREAM: upstream,
      BENCH_PORT: String(port),
      BENCH_API_KEY: apiKey,
      BENCH_SECRET_ACCESS_KEY: randomBytes(20).toString('hex'),
    },
  });
  return { name, server, url: `http://127.0.0.1:${port}${INVOKE_PATH}`, stop: () => server.stop() };
}
