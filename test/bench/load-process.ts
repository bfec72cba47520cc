import { readFileSync } from 'node:fs';
import autocannon from 'autocannon';
import type { LoadOrder, LoadReport } from './load.ts';
import { quantile } from './statistics.ts';

const GIVE_UP_SECONDS = 60;

/** Makes the calls that its parent orders, one order after the other. */
async function run({ url, headers, bodyFile, connections, calls }: LoadOrder): Promise<LoadReport> {
  const latenciesMs: number[] = [];
  const failures: Record<string, number> = {};
  const fail = (reason: string | number) => {
    failures[reason] = (failures[reason] ?? 0) + 1;
  };
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  let lastAt = 0;
  const startedAt = performance.now();
  const running = autocannon(
    {
      url,
      method: 'POST',
      headers: { ...headers },
      body: readFileSync(bodyFile),
      connections,
      amount: calls,
      timeout: GIVE_UP_SECONDS,
      sampleInt: 20,
    },
    (error) => (error ? reject(error) : resolve()),
  );
  // Its own histogram counts whole milliseconds.
  running.on('response', (_client, status, _bytes, milliseconds) => {
    lastAt = performance.now();
    if (status >= 200 && status < 300) latenciesMs.push(milliseconds);
    else fail(status);
  });
  running.on('reqError', () => fail('lost'));
  await promise;
  const lost = calls - latenciesMs.length - Object.values(failures).reduce((sum, count) => sum + count, 0);
  if (lost > 0) failures.lost = (failures.lost ?? 0) + lost;
  latenciesMs.sort((a, b) => a - b);
  return {
    answered: latenciesMs.length,
    failures,
    seconds: (lastAt - startedAt) / 1_000,
    p50Ms: quantile(latenciesMs, 0.5),
    p99Ms: quantile(latenciesMs, 0.99),
  };
}

process.on('message', (order: LoadOrder) => {
  run(order).then(
    (report) => process.send?.(report),
    (error: unknown) => {
      console.error(error);
      process.exit(1);
    },
  );
});
