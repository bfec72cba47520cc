import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { parseArgs } from 'node:util';
import packageJson from '../../package.json' with { type: 'json' };
import { measureAgainst, renderAgainst } from './against.ts';
import { measureBodies, renderBodies } from './bodies.ts';
import { compare } from './compare.ts';
import { benchHostile } from './hostile.ts';
import { describeMachine } from './machine.ts';
import { measureParts } from './parts.ts';
import { runProfile } from './profile.ts';
import { plotResults, publish, publishSoak } from './publish.ts';
import { benchRefused } from './refused.ts';
import { type Results, renderResults } from './report.ts';
import { soak } from './soak.ts';
import { plotSoak, renderSoak } from './soak-report.ts';

const HELP = `npm run bench -- [options]   what a call costs, beside the floor and other gateways

  --quick            fewer rounds and sizes: about a minute, for a first look
  --only NAME        only contenders with this in their name, and the floor
  --size BYTES       only bodies of so many bytes
  --profile          where the time of a call goes, by function, and .cpuprofile files in .bench/
  --soak [MINUTES]   mixed calls by tenants that come and go: memory and latency over time (30)
  --against DIR      this build beside that of another checkout (with node_modules), and beside itself
  --bodies           64 large calls of one tenant at once: throughput and memory, in a minute or two
  --refused          CPU of the gateway for each kind of request that proves nothing, beside a normal call
  --hostile          latency of honest callers during each attack of test/story/hostile, and without one
  --json FILE        where the results go as JSON, with the plot beside it (.bench/bench.json, .bench/soak.json)
  --publish          write the results, and the plot, to test/bench/results/ and test/bench/README.md
`;

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    help: { type: 'boolean', default: false },
    quick: { type: 'boolean', default: false },
    only: { type: 'string' },
    size: { type: 'string' },
    profile: { type: 'boolean', default: false },
    soak: { type: 'boolean', default: false },
    bodies: { type: 'boolean', default: false },
    refused: { type: 'boolean', default: false },
    hostile: { type: 'boolean', default: false },
    against: { type: 'string' },
    json: { type: 'string' },
    publish: { type: 'boolean', default: false },
  },
});

const packageVersions: Readonly<Record<string, string>> = {
  ...packageJson.dependencies,
  ...packageJson.devDependencies,
};
const SIZES = [200, 100_000, 1_000_000, 6_000_000];
const QUICK_SIZES = [200, 1_000_000];
const VERSIONS = [
  'workerd',
  'fastify',
  '@fastify/http-proxy',
  'express',
  'http-proxy-middleware',
  'aws4',
  'autocannon',
];

const startedAt = performance.now();
const tell = (line: string) =>
  console.error(`${((performance.now() - startedAt) / 1_000).toFixed(0).padStart(5)} s  ${line}`);

/** Writes a run's figures, and its plot beside them. */
async function write(json: string, figures: unknown, svg: string): Promise<void> {
  const plot = json.replace(/(\.json)?$/, '.svg');
  await mkdir(dirname(json), { recursive: true });
  await writeFile(json, `${JSON.stringify(figures, null, 2)}\n`);
  await writeFile(plot, svg);
  tell(`written: ${json}, ${plot}`);
}

async function runComparison(): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'postern-bench-'));
  const rounds = values.quick ? 3 : 5;
  const secondsPerRound = values.quick ? 0.4 : 0.8;
  const sizes = values.size ? [Number(values.size)] : values.quick ? QUICK_SIZES : SIZES;
  try {
    const comparison = await compare(folder, { rounds, secondsPerRound, sizes, only: values.only, tell });
    tell('the parts by themselves');
    const parts = values.only ? undefined : await measureParts(rounds);
    const versions = Object.fromEntries(VERSIONS.map((name) => [name, packageVersions[name] ?? 'of no known version']));
    const results: Results = {
      measuredAt: new Date().toISOString(),
      machine: describeMachine(),
      rounds,
      secondsPerRound,
      versions: { node: process.versions.node, ...versions },
      comparison,
      ...(parts && { parts }),
    };
    console.log(renderResults(results));
    await write(values.json ?? '.bench/bench.json', results, plotResults(results));
    if (values.publish) await publish(results);
    const failed = comparison.cells.filter(({ failures }) => Object.keys(failures).length > 0);
    if (failed.length > 0)
      console.error(`\n${failed.length} of ${comparison.cells.length} rows are errors: not all answers were 2xx`);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function runSoak(minutes: number): Promise<void> {
  if (!(minutes > 0)) throw new Error('--soak takes a number of minutes');
  const seen = await soak(minutes, tell);
  console.log(renderSoak(seen));
  await write(values.json ?? '.bench/soak.json', seen, plotSoak(seen));
  if (values.publish) await publishSoak(seen);
  if (Object.keys(seen.unexpected).length > 0) process.exitCode = 1;
}

async function runAgainst(checkout: string): Promise<void> {
  const rounds = values.quick ? 10 : 30;
  for (const bytes of values.size ? [Number(values.size)] : QUICK_SIZES) {
    tell(`${bytes} bytes`);
    const calls = Math.max(20, Math.round(600 / (1 + bytes / 40_000)));
    console.log(renderAgainst(await measureAgainst(checkout, { bytes, rounds, calls }), bytes));
  }
}

async function runRefused(): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'postern-bench-'));
  try {
    console.log(await benchRefused(folder, tell));
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

if (values.help) console.log(HELP);
else if (values.profile) await runProfile('.bench');
else if (values.against) await runAgainst(values.against);
else if (values.bodies) console.log(renderBodies(await measureBodies(values.quick ? 2 : 5, tell)));
else if (values.refused) await runRefused();
else if (values.hostile) console.log(await benchHostile(values.quick ? 3 : 10, tell));
else if (values.soak) await runSoak(Number(positionals[0] ?? 30));
else await runComparison();
