import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { build } from 'esbuild';
import { unstable_readConfig } from 'wrangler';

const WORKERD = createRequire(import.meta.url).resolve('workerd/bin/workerd');

/** A worker under `workerd serve`, as in production and without any development proxy in front of it. */
export interface ServedWorker {
  readonly url: string;
  stop(): Promise<void>;
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
  const address = server.address();
  await new Promise<void>((closed) => server.close(() => closed()));
  return typeof address === 'object' && address ? address.port : 0;
}

/** Bundles a worker and serves it by workerd on a free port of this machine. */
export async function serveWorker(entry: string): Promise<ServedWorker> {
  const folder = await mkdtemp(join(tmpdir(), 'postern-bench-'));
  await build({
    entryPoints: [entry],
    outfile: join(folder, 'worker.js'),
    bundle: true,
    minify: true,
    format: 'esm',
    target: 'es2024',
    conditions: ['workerd', 'worker', 'browser'],
    external: ['node:*', 'cloudflare:*'],
  });
  const { compatibility_date } = unstable_readConfig({ config: resolve(import.meta.dirname, '../../wrangler.toml') });
  const port = await freePort();
  await writeFile(
    join(folder, 'config.capnp'),
    `using Workerd = import "/workerd/workerd.capnp";
const config :Workerd.Config = (
  services = [(name = "main", worker = (
    modules = [(name = "worker.js", esModule = embed "worker.js")],
    compatibilityDate = "${compatibility_date}",
  ))],
  sockets = [(name = "http", address = "127.0.0.1:${port}", http = (), service = "main")],
);
`,
  );
  const child: ChildProcess = spawn(WORKERD, ['serve', join(folder, 'config.capnp')], { stdio: 'inherit' });
  const url = `http://127.0.0.1:${port}`;
  for (let attempt = 0; ; attempt++) {
    try {
      await fetch(`${url}/`);
      break;
    } catch (error) {
      if (attempt === 100) throw error;
      await new Promise((waited) => setTimeout(waited, 50));
    }
  }
  return {
    url,
    async stop() {
      child.kill('SIGTERM');
      await new Promise((ended) => child.once('exit', ended));
      await rm(folder, { recursive: true, force: true });
    },
  };
}
