/**
 * Holds the admin API to its own OpenAPI document, by schemathesis, and schemathesis to three planted faults.
 *
 *     node test/fuzz/admin/run.ts [--seed N] [--examples N]
 *
 * It needs Python 3.10 or later, and PyPI once: schemathesis is installed into `.fuzz/schemathesis`.
 */
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { settingsFor, startServe } from '../../support/serve.ts';
import { PLANTED_FAULTS, startFaultyProxy } from './faults.ts';

const VERSION = '4.32.5';
const VENV = resolve(import.meta.dirname, '../../../.fuzz/schemathesis');
const CONFIG = join(import.meta.dirname, 'schemathesis.toml');
const { values } = parseArgs({
  options: {
    seed: { type: 'string', default: process.env.POSTERN_PROPERTY_SEED ?? '1' },
    examples: { type: 'string', default: process.env.POSTERN_PROVE ? '100' : '25' },
  },
});

/** Runs a command to its end. @returns its exit code, and all that it wrote. */
async function run(
  command: string,
  args: readonly string[],
  cwd?: string,
): Promise<{ code: number | null; output: string }> {
  const child = spawn(command, args, { cwd, stdio: ['ignore', 'pipe', 'pipe'] });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => {
      output += text;
    });
  }
  const code = await new Promise<number | null>((done, failed) => child.once('error', failed).once('close', done));
  return { code, output };
}

async function install(): Promise<string> {
  const bin = join(VENV, 'bin');
  const found = existsSync(join(bin, 'st')) ? await run(join(bin, 'st'), ['--version']) : undefined;
  if (found?.output.includes(VERSION)) return join(bin, 'st');
  await mkdir(VENV, { recursive: true });
  for (const [command, args] of [
    ['python3', ['-m', 'venv', VENV]],
    [join(bin, 'pip'), ['install', '--quiet', '--disable-pip-version-check', `schemathesis==${VERSION}`]],
  ] as const) {
    const { code, output } = await run(command, args);
    if (code !== 0) throw new Error(`schemathesis cannot be installed: ${command} ${args.join(' ')}\n${output}`);
  }
  return join(bin, 'st');
}

const st = await install();
const state = await mkdtemp(join(tmpdir(), 'postern-fuzz-'));
const settings = settingsFor('http://127.0.0.1:9', { accessKeyId: 'AKIDEXAMPLE', secretAccessKey: 'x' });
const serve = await startServe(['--state', state], settings);

// It leaves what it found in the folder that it runs in.
const fuzz = (url: string, more: readonly string[] = []) => {
  const args = [
    ...['--config-file', CONFIG, 'run', `${url}/admin/v1/openapi.json`],
    ...['--header', `Authorization: Bearer ${settings.POSTERN_ADMIN_TOKEN}`],
    ...['--checks', 'all', '--seed', values.seed, '--max-examples', values.examples, '--continue-on-failure'],
    ...['--no-color', '--generation-database', 'none', '--request-timeout', '60', ...more],
  ];
  return run(st, args, state);
};

let passed = 0;
let failed = 0;
const tell = (good: boolean, what: string, output = '') => {
  if (good) passed++;
  else failed++;
  console.log(`${good ? 'ok    ' : 'FAILED'}  ${what}${good ? '' : `\n${output}`}`);
};

try {
  const { code, output } = await fuzz(serve.gateway);
  const cases = /(\d+) generated/.exec(output)?.[1] ?? 'no';
  tell(
    code === 0 && Number(cases) > 500,
    `the admin API is as its document says: ${cases} cases, seed ${values.seed}`,
    output,
  );
  for (const fault of PLANTED_FAULTS) {
    const proxy = await startFaultyProxy(serve.gateway, fault);
    const only = ['--include-operation-id', fault.operation, '--phases', 'coverage,fuzzing'];
    const found = await fuzz(proxy.url, only);
    proxy.close();
    tell(found.code === 1 && fault.report.test(found.output), `it finds ${fault.name}`, found.output);
  }
} finally {
  serve.kill();
  await serve.exited;
  await rm(state, { recursive: true, force: true });
}
console.log(`${passed} passed, ${failed} failed`);
process.exitCode = failed > 0 ? 1 : 0;
