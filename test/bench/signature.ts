import { join } from 'node:path';
import { serveWorker } from '../support/workerd.ts';

const TIMES = 5_000;
const ROUNDS = 9;

/** Microseconds for one, over a whole request's worth of them, timed from outside: workerd's clock stands still within. */
async function measure(url: string, what: 'sign' | 'verify'): Promise<number> {
  const startedAt = performance.now();
  await (await fetch(`${url}/${what}?times=${TIMES}`)).text();
  return ((performance.now() - startedAt) * 1000) / TIMES;
}

const median = (values: number[]) => values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;

const worker = await serveWorker(join(import.meta.dirname, 'signature-worker.ts'));
try {
  for (const what of ['sign', 'verify'] as const) await measure(worker.url, what); // warm
  const rounds: { sign: number; verify: number }[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    rounds.push({ sign: await measure(worker.url, 'sign'), verify: await measure(worker.url, 'verify') });
  }
  const ratios = rounds.map(({ sign, verify }) => verify / sign);
  console.log('A small signed request (200 bytes), on workerd, in turn, median of %d rounds of %d:', ROUNDS, TIMES);
  console.log('  sign one for Lambda     %s us', median(rounds.map(({ sign }) => sign)).toFixed(1));
  console.log('  verify one of a caller  %s us', median(rounds.map(({ verify }) => verify)).toFixed(1));
  console.log(
    '  verify / sign           %s (%s to %s)',
    median(ratios).toFixed(2),
    Math.min(...ratios).toFixed(2),
    Math.max(...ratios).toFixed(2),
  );
} finally {
  await worker.stop();
}
