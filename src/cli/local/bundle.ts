import { spawn } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { gzipSync } from 'node:zlib';

/** The folder that holds `wrangler.toml`. */
export const PACKAGE_ROOT = join(import.meta.dirname, '../../..');

/** Keeps wrangler quiet and off the network: no metrics, no update check, no fetch of a sample `request.cf`. */
const SILENT = {
  WRANGLER_SEND_METRICS: 'false',
  WRANGLER_SEND_ERROR_REPORTS: 'false',
  WRANGLER_WRITE_LOGS: 'false',
  WRANGLER_HIDE_BANNER: 'true',
  CLOUDFLARE_CF_FETCH_ENABLED: 'false',
  CI: '1',
};

/** The WebAssembly module beside `worker.js`. */
export const WASM = 'is-json.wasm';

/** The Worker as `wrangler deploy` uploads it. */
export interface Bundle {
  readonly path: string;
  readonly wasmPath: string;
  /** The total size of both files. */
  readonly bytes: number;
  readonly gzipBytes: number;
}

export interface BundleOptions {
  /** False keeps the function names, which a profile needs. Default true. */
  readonly minify?: boolean;
}

/** Bundles the Worker into a folder. Uses wrangler, as a deployment does. */
export async function bundleWorker(outDir: string, { minify = true }: BundleOptions = {}): Promise<Bundle> {
  const wrangler = join(dirname(createRequire(import.meta.url).resolve('wrangler/package.json')), 'bin/wrangler.js');
  const options = ['--dry-run', ...(minify ? ['--minify'] : []), '--outdir', outDir];
  const child = spawn(process.execPath, [wrangler, 'deploy', ...options], {
    cwd: PACKAGE_ROOT,
    env: { ...process.env, ...SILENT },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => {
      output += text;
    });
  }
  const { promise: closed, resolve, reject } = Promise.withResolvers<number | null>();
  child.on('error', reject).on('close', resolve);
  if ((await closed) !== 0) throw new Error(`wrangler could not bundle the Worker:\n${output}`);
  const path = join(outDir, 'worker.js');
  const wasmPath = join(outDir, WASM);
  const files = await Promise.all([path, wasmPath].map((file) => readFile(file)));
  const sum = (sizes: readonly number[]) => sizes.reduce((all, size) => all + size, 0);
  const bytes = sum(files.map(({ length }) => length));
  return { path, wasmPath, bytes, gzipBytes: sum(files.map((file) => gzipSync(file, { level: 9 }).length)) };
}
