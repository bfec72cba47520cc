import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { build } from 'esbuild';
import { unstable_readConfig } from 'wrangler';

export const WORKERD = createRequire(import.meta.url).resolve('workerd/bin/workerd');

/** A worker under `workerd serve`, as in production and without any development proxy in front of it. */
export interface ServedWorker {
  readonly url: string;
  stop(): Promise<void>;
}

export async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
  const address = server.address();
  await new Promise<void>((closed) => server.close(() => closed()));
  return typeof address === 'object' && address ? address.port : 0;
}

/** Bundles a worker into `worker.js` of a folder, with what it has of WebAssembly beside it. */
export async function buildWorker(entry: string, folder: string): Promise<void> {
  await build({
    entryPoints: [entry],
    outfile: join(folder, 'worker.js'),
    bundle: true,
    minify: true,
    format: 'esm',
    target: 'es2024',
    conditions: ['workerd', 'worker', 'browser'],
    external: ['node:*', 'cloudflare:*'],
    loader: { '.wasm': 'copy' },
    assetNames: '[name]',
  });
}

/** The lines of a worker's configuration that say what it is, from its folder, and by which date it runs. */
export function workerModule(folder: string): string {
  const config = unstable_readConfig({ config: resolve(import.meta.dirname, '../../wrangler.toml') });
  const flags = config.compatibility_flags.map((flag: string) => `"${flag}"`).join(', ');
  const wasm = readdirSync(folder).filter((name) => name.endsWith('.wasm'));
  const modules = wasm.map((name) => `, (name = "${name}", wasm = embed "${name}")`).join('');
  return `modules = [(name = "worker.js", esModule = embed "worker.js")${modules}],
    compatibilityDate = "${config.compatibility_date}", compatibilityFlags = [${flags}],`;
}

/** Starts workerd on a configuration and waits until all of these ports answer. */
export async function startWorkerd(
  folder: string,
  config: string,
  ports: readonly number[],
): Promise<{ end(signal: 'SIGTERM' | 'SIGKILL'): Promise<void>; log(): string }> {
  await writeFile(
    join(folder, 'config.capnp'),
    `using Workerd = import "/workerd/workerd.capnp";\nconst config :Workerd.Config = (${config});\n`,
  );
  const child = spawn(WORKERD, ['serve', join(folder, 'config.capnp')], { stdio: ['ignore', 'pipe', 'pipe'] });
  let log = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => {
      log = (log + text).slice(-100_000);
    });
  }
  const exited = once(child, 'exit');
  for (const port of ports) {
    for (let attempt = 0; ; attempt++) {
      try {
        await fetch(`http://127.0.0.1:${port}/`);
        break;
      } catch (error) {
        if (attempt === 200 || child.exitCode !== null)
          throw new Error(`workerd does not answer:\n${log}`, { cause: error });
        await new Promise((waited) => setTimeout(waited, 50));
      }
    }
  }
  return {
    log: () => log,
    async end(signal) {
      child.kill(signal);
      await exited;
    },
  };
}

/** Bundles a worker that needs nothing and serves it on a free port of this machine. */
export async function serveWorker(entry: string): Promise<ServedWorker> {
  const folder = await mkdtemp(join(tmpdir(), 'postern-bench-'));
  await buildWorker(entry, folder);
  const port = await freePort();
  const workerd = await startWorkerd(
    folder,
    `services = [(name = "main", worker = (${workerModule(folder)}))],
     sockets = [(name = "http", address = "127.0.0.1:${port}", http = (), service = "main")],`,
    [port],
  );
  return {
    url: `http://127.0.0.1:${port}`,
    async stop() {
      await workerd.end('SIGTERM');
      await rm(folder, { recursive: true, force: true });
    },
  };
}
