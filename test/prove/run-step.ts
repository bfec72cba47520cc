import { spawn } from 'node:child_process';
import { createWriteStream } from 'node:fs';
import { readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { type Counts, namesOf, readCounts } from './counts.ts';
import type { Step } from './steps.ts';

/** What came of a step. */
export interface StepResult extends Counts {
  readonly name: string;
  readonly seconds: number;
  /** Where all that it wrote is. */
  readonly log: string;
  /** Why it did not pass: the tests that failed or were skipped, and the last lines of the log. Empty when it passed. */
  readonly why: string;
}

const KEPT_TAIL_CHARACTERS = 20_000;
const SHOWN_TAIL_LINES = 60;
/** Between asking a step's processes to end and killing them. */
const GRACE_MS = 10_000;

/** Of CI, so that both run the same; and the switch that lengthens tests. */
const ENVIRONMENT = {
  CI: 'true',
  POSTERN_PROVE: '1',
  WRANGLER_SEND_METRICS: 'false',
  WRANGLER_SEND_ERROR_REPORTS: 'false',
  WRANGLER_WRITE_LOGS: 'false',
  WRANGLER_HIDE_BANNER: 'true',
  CLOUDFLARE_CF_FETCH_ENABLED: 'false',
};

/** Runs a step to its end, or to its timeout, and counts what it found. Never rejects for what the command does. */
export async function runStep(step: Step, folder: string, signal: AbortSignal): Promise<StepResult> {
  const { name, counts } = step;
  const log = join(folder, `${name}.log`);
  const reportFile = join(folder, `${name}.json`);
  await rm(reportFile, { force: true });
  const startedMs = performance.now();
  const { code, tail } = await runCommand(step, reportFile, log, signal);
  const report = counts === 'vitest' ? await readFile(reportFile, 'utf8').catch(() => undefined) : undefined;
  const found = readCounts(counts, { code, tail, ...(report !== undefined && { report }) });
  const hasPassed = found.failed === 0 && found.skipped === 0;
  const why = hasPassed ? '' : [...namesOf(report), ...tail.trimEnd().split('\n').slice(-SHOWN_TAIL_LINES)].join('\n');
  return { name, ...found, seconds: (performance.now() - startedMs) / 1_000, log, why };
}

async function runCommand(
  { command, counts, env, timeoutMinutes }: Step,
  reportFile: string,
  log: string,
  signal: AbortSignal,
): Promise<{ code: number | null; tail: string }> {
  const [program = '', ...args] = command;
  const reporters = ['--reporter=default', '--reporter=json', `--outputFile.json=${reportFile}`];
  const child = spawn(program, counts === 'vitest' ? [...args, ...reporters] : args, {
    env: { ...process.env, ...ENVIRONMENT, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
    // A group of its own, to end with all that it starts.
    detached: true,
  });
  const file = createWriteStream(log);
  let tail = '';
  const keep = (text: string) => {
    file.write(text);
    tail = (tail + text).slice(-KEPT_TAIL_CHARACTERS);
  };
  for (const stream of [child.stdout, child.stderr]) stream.setEncoding('utf8').on('data', keep);

  const endGroup = (how: NodeJS.Signals) => {
    try {
      if (child.pid !== undefined) process.kill(-child.pid, how);
    } catch {
      // Nothing of it is left.
    }
  };
  const stop = (why: string) => {
    keep(`\nprove: ${why}\n`);
    endGroup('SIGTERM');
    setTimeout(() => endGroup('SIGKILL'), GRACE_MS).unref();
  };
  const timer = setTimeout(() => stop(`ended after ${timeoutMinutes} minutes`), timeoutMinutes * 60_000);
  const interrupt = () => stop('interrupted');
  signal.addEventListener('abort', interrupt);
  const code = await new Promise<number | null>((done) => {
    child.once('error', (error) => {
      keep(`prove: ${error.message}\n`);
      done(null);
    });
    // Not `close`: what a step left behind may hold its output open.
    child.once('exit', (exitCode) => setImmediate(done, exitCode));
  });
  clearTimeout(timer);
  signal.removeEventListener('abort', interrupt);
  endGroup('SIGKILL');
  await new Promise<void>((written) => file.end(written));
  return { code, tail };
}
