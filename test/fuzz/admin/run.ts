/**
 * Holds the admin API to its own OpenAPI document, by schemathesis, and schemathesis to three planted faults.
 *
 *     node test/fuzz/admin/run.ts [--seed N] [--examples N]
 *
 * It needs Python 3.10 or later, and PyPI once (install.ts).
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { settingsFor, startServe } from '../../support/serve.ts';
import { PLANTED_FAULTS, startFaultyProxy } from './faults.ts';
import { installSchemathesis, run } from './install.ts';

const CONFIG = join(import.meta.dirname, 'schemathesis.toml');
const { values } = parseArgs({
  options: {
    seed: { type: 'string', default: process.env.POSTERN_PROPERTY_SEED ?? '1' },
    examples: { type: 'string', default: process.env.POSTERN_PROVE ? '100' : '25' },
  },
});

const st = await installSchemathesis();
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
