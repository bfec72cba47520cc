import { mkdir, writeFile } from 'node:fs/promises';
import { join, relative, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { sum } from './counts.ts';
import { runStep, type StepResult } from './run-step.ts';
import { STEPS, type Step } from './steps.ts';

const HELP = `npm run prove -- [options]   everything that has to hold, in its long form

  --only NAME   only this step; may be repeated
  --list        the steps, and nothing is run

A failed step does not stop the others. It ends with 1 if anything has failed or was skipped. Logs are in .prove/.
`;
const ROOT = resolve(import.meta.dirname, '../..');
const FOLDER = join(ROOT, '.prove');

const { values: flags } = parseArgs({
  options: {
    help: { type: 'boolean', default: false },
    list: { type: 'boolean', default: false },
    only: { type: 'string', multiple: true },
  },
});

function chosenSteps(only: readonly string[] | undefined): readonly Step[] {
  const unknown = only?.find((name) => !STEPS.some((step) => step.name === name));
  if (unknown !== undefined) {
    throw new Error(`there is no step ${unknown}; there are ${STEPS.map(({ name }) => name).join(', ')}`);
  }
  return STEPS.filter(({ name }) => only === undefined || only.includes(name));
}

const duration = (seconds: number): string =>
  seconds < 60 ? `${seconds.toFixed(1)} s` : `${Math.floor(seconds / 60)} min ${Math.round(seconds % 60)} s`;

function row({ name, passed, failed, skipped, seconds, log }: StepResult): string {
  const mark = failed > 0 ? '✗' : skipped > 0 ? '–' : '✓';
  const counts = `${passed} passed, ${failed} failed, ${skipped} skipped`;
  return `${mark} ${name.padEnd(18)} ${counts.padEnd(34)} ${duration(seconds).padStart(12)}  ${relative(ROOT, log)}`;
}

async function prove(steps: readonly Step[]): Promise<number> {
  await mkdir(FOLDER, { recursive: true });
  const interrupted = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => interrupted.abort());
  const results: StepResult[] = [];
  for (const step of steps) {
    if (interrupted.signal.aborted) break;
    console.error(`${step.name}: ${step.title} ...`);
    const result = await runStep(step, FOLDER, interrupted.signal);
    if (result.why !== '') console.error(`${result.why}\n`);
    console.error(row(result));
    results.push(result);
  }
  await writeFile(join(FOLDER, 'report.json'), `${JSON.stringify(results, null, 2)}\n`);
  const { passed, failed, skipped } = sum(results);
  const seconds = results.reduce((total, result) => total + result.seconds, 0);
  console.log('');
  for (const result of results) console.log(row(result));
  console.log(`\n${results.length} of ${steps.length} steps in ${duration(seconds)}`);
  console.log(`${passed} passed, ${failed} failed, ${skipped} skipped`);
  return failed > 0 || skipped > 0 || results.length < steps.length ? 1 : 0;
}

try {
  process.chdir(ROOT);
  if (flags.help) console.log(HELP);
  else if (flags.list) for (const { name, title } of STEPS) console.log(`${name.padEnd(18)} ${title}`);
  else process.exitCode = await prove(chosenSteps(flags.only));
} catch (error) {
  console.error(`prove: ${error instanceof Error ? error.message : String(error)}`);
  process.exitCode = 1;
}
