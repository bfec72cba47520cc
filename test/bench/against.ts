import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { startLoad } from './load.ts';
import { makePayload } from './payload.ts';
import { median, quantile } from './statistics.ts';
import { type Postern, startPostern } from './subjects/postern.ts';
import { startUpstream } from './upstream.ts';

/** One build beside another: CPU time for each call, in turn within each round. */
export interface AgainstCell {
  readonly name: string;
  /** Median of the rounds, in microseconds. */
  readonly cpuMicros: number;
  /** Median and quartiles of the rounds' ratios to the other build. */
  readonly ratio: readonly [lower: number, middle: number, upper: number];
  readonly failures: number;
}

const CONNECTIONS = 16;
const LIMITS = {
  rate: { perSecond: 1e6, burst: 1e6 },
  quotas: [{ period: 'month', requests: 1e12 }],
  concurrency: 1000,
};
const OTHER = 'the other build';

/** Nanoseconds of CPU that the threads of a process have had (proc(5), schedstat): finer than the ticks of `stat`. */
async function cpuNanoseconds(pid: number): Promise<number> {
  let sum = 0;
  for (const thread of await readdir(`/proc/${pid}/task`)) {
    sum += Number((await readFile(`/proc/${pid}/task/${thread}/schedstat`, 'utf8')).split(' ')[0]);
  }
  return sum;
}

/** This build, and this build again (how much two runs of one build differ), beside the build of another checkout. */
export async function measureAgainst(
  checkout: string,
  { bytes, rounds, calls }: { bytes: number; rounds: number; calls: number },
): Promise<AgainstCell[]> {
  const folder = await mkdtemp(join(tmpdir(), 'postern-bench-'));
  const upstream = await startUpstream(folder);
  const load = startLoad();
  const servers: Postern[] = [];
  try {
    const file = pathToFileURL(resolve(checkout, 'test/bench/subjects/postern.ts')).href;
    const other = (await import(file)) as { startPostern: typeof startPostern };
    const builds = [
      { name: OTHER, start: other.startPostern },
      { name: 'this build', start: startPostern },
      { name: 'this build again', start: startPostern },
      { name: `${OTHER} again`, start: other.startPostern },
    ];
    const bodyFile = join(folder, 'body');
    await writeFile(bodyFile, makePayload(bytes));
    const contenders = [];
    for (const { name, start } of builds) {
      const own = join(folder, name.replaceAll(' ', '-'));
      await mkdir(own);
      const postern = await start({ folder: own, upstream: upstream.origin });
      servers.push(postern);
      const { apiKey } = await postern.makeTenant({ limits: LIMITS });
      const order = {
        url: postern.url,
        headers: { 'x-api-key': apiKey, 'content-type': 'application/json' },
        bodyFile,
      };
      const call = async (count: number) => {
        const { failures } = await load.run({ ...order, connections: CONNECTIONS, calls: count });
        return Object.values(failures).reduce((sum, one) => sum + one, 0);
      };
      await call(calls * 3); // warms up
      contenders.push({ name, postern, call, micros: [] as number[], failures: 0 });
    }
    for (let round = 0; round < rounds; round++) {
      for (const one of round % 2 === 0 ? contenders : contenders.toReversed()) {
        const { pid } = one.postern.server;
        const before = await cpuNanoseconds(pid);
        one.failures += await one.call(calls);
        one.micros.push((await cpuNanoseconds(pid)) / calls / 1e3 - before / calls / 1e3);
        one.postern.server.truncateLog();
      }
    }
    const reference = contenders[0]?.micros ?? [];
    return contenders.map(({ name, micros, failures }) => {
      const ratios = micros.map((one, round) => one / (reference[round] ?? Number.NaN)).toSorted((a, b) => a - b);
      return {
        name,
        cpuMicros: median(micros),
        ratio: [quantile(ratios, 0.25), quantile(ratios, 0.5), quantile(ratios, 0.75)],
        failures,
      };
    });
  } finally {
    await load.stop();
    for (const server of servers) await server.stop();
    await upstream.stop();
    await rm(folder, { recursive: true, force: true });
  }
}

export function renderAgainst(cells: readonly AgainstCell[], bytes: number): string {
  const rows = cells.map(({ name, cpuMicros, ratio: [lower, middle, upper], failures }) => {
    const spread = `${lower.toFixed(2)}-${upper.toFixed(2)}`;
    return `| ${name} | ${Math.round(cpuMicros).toLocaleString('en')} | ${middle.toFixed(3)} (${spread}) | ${failures} |`;
  });
  const size = `${bytes.toLocaleString('en')} B`;
  return [`| ${size} | CPU us a call | x the other build | other than 2xx |`, '|---|--:|--:|--:|', ...rows].join('\n');
}
