import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { expect, it } from 'vitest';
import packageJson from '../package.json' with { type: 'json' };

it('has the module of WebAssembly that its source makes', async () => {
  const [, ...args] = packageJson.scripts['build:wasm'].split(' ');
  const built = args.pop() ?? '';
  expect(built).toBe('src/gateway/json/is-json.wasm');
  const root = resolve(import.meta.dirname, '..');
  const folder = await mkdtemp(join(tmpdir(), 'postern-wasm-'));
  try {
    const asc = join(dirname(createRequire(import.meta.url).resolve('assemblyscript/package.json')), 'bin/asc.js');
    const made = join(folder, 'made.wasm');
    await promisify(execFile)(process.execPath, [asc, ...args, made], { cwd: root });
    expect(await readFile(made)).toEqual(await readFile(join(root, built)));
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}, 60_000);
