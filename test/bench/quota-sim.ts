/**
 * How the limits behave at scale: `node test/bench/quota-sim.ts` prints a table. No real time passes, and the same seed
 * gives the same table. What it counts is said below the table.
 */
import { unsettledCalls } from '../../src/core/quota/ledger.ts';
import type { LimitsDocument } from '../../src/core/quota/limits.ts';
import { createWorld, type LedgerNode, type Network, type Place, seededRandom } from '../support/quota/world.ts';

interface Scenario {
  readonly name: string;
  readonly isolates: number;
  readonly tenants: number;
  /** Calls a second, of all tenants; tenant k gets a share of 1/k (Zipf). */
  readonly perSecond: number;
  /** What a tenant is limited to, by the calls a second that it makes. */
  readonly limits: (perSecond: number) => LimitsDocument;
  readonly network?: Network;
  /** Seconds that an isolate lives, and that an object runs, on average; absent: for ever. */
  readonly isolateLives?: number;
  readonly objectLives?: number;
  /** Sub-ledgers of each tenant; absent: none. */
  readonly regions?: number;
}

const SEED = 20261123;
const START_MS = Date.UTC(2026, 10, 25, 12);
const SECONDS = 6;
/** At the start every isolate asks at once: that is not counted in an object's calls a second. */
const WARM_UP_SECONDS = 2;
/** Until what the dead held is written off. */
const REST_MS = 100_000;
/** A Durable Object that writes gets through about 500 requests a second, one after the other. */
const ASK_TAKES_MS = 2;
/** And turns away who would wait longer than this. */
const LONGEST_QUEUE_MS = 5_000;

const CALM: Network = { minMs: 5, maxMs: 40, slow: 0.01, slowMs: 200, lost: 0, repeated: 0 };
const ROUGH: Network = { minMs: 5, maxMs: 80, slow: 0.05, slowMs: 1_500, lost: 0.02, repeated: 0.02 };

const withRoom = (perSecond: number): LimitsDocument => ({
  rate: { perSecond: perSecond * 1.25, burst: Math.max(20, Math.ceil(perSecond * 1.25)) },
  quotas: [{ period: 'month', requests: 1e12 }],
});
const overLimit = (perSecond: number): LimitsDocument => ({
  rate: { perSecond: perSecond / 10, burst: Math.max(2, Math.ceil(perSecond / 5)) },
});

const MANY = { isolates: 1_000, tenants: 1_000, perSecond: 1_500, limits: withRoom };
const SPARSE = { isolates: 1_000, tenants: 1, perSecond: 1_000, limits: withRoom };
const HUGE = { tenants: 1, perSecond: 100_000, limits: withRoom };
const SCENARIOS: readonly Scenario[] = [
  { name: 'room', isolates: 1, tenants: 1, perSecond: 100, limits: withRoom },
  { name: 'ten times the rate', isolates: 1, tenants: 1, perSecond: 500, limits: overLimit },
  { name: 'room', isolates: 10, tenants: 1, perSecond: 1_000, limits: withRoom },
  { name: 'ten times the rate', isolates: 10, tenants: 1, perSecond: 500, limits: overLimit },
  { name: 'ten times the rate', isolates: 100, tenants: 1, perSecond: 500, limits: overLimit },
  {
    name: 'a day quota of 10,000 runs out',
    isolates: 100,
    tenants: 1,
    perSecond: 2_000,
    limits: () => ({ quotas: [{ period: 'day', requests: 10_000 }] }),
  },
  { name: 'many tenants, room', isolates: 100, tenants: 100, perSecond: 5_000, limits: withRoom },
  { name: 'many tenants, ten times the rate', isolates: 100, tenants: 100, perSecond: 5_000, limits: overLimit },
  { name: 'many tenants, room', ...MANY },
  {
    name: 'the same; messages late, lost, repeated; isolates and objects die',
    ...MANY,
    network: ROUGH,
    isolateLives: 60,
    objectLives: 60,
  },
  { name: 'many tenants, few calls of each', isolates: 10_000, tenants: 10_000, perSecond: 2_000, limits: withRoom },
  { name: 'one call a second at each isolate', ...SPARSE },
  { name: 'the same, 8 sub-ledgers', ...SPARSE, regions: 8 },
  ...[100, 300, 1_000, 3_000, 10_000].map((isolates) => ({ name: 'one huge tenant', isolates, ...HUGE })),
  { name: 'the same, 8 sub-ledgers', isolates: 1_000, regions: 8, ...HUGE },
  { name: 'the same, 24 sub-ledgers', isolates: 3_000, regions: 24, ...HUGE },
  { name: 'the same, 64 sub-ledgers', isolates: 10_000, regions: 64, ...HUGE },
  {
    name: 'the same; messages late, lost, repeated; isolates and objects die',
    isolates: 3_000,
    regions: 24,
    ...HUGE,
    network: ROUGH,
    isolateLives: 60,
    objectLives: 3,
  },
  {
    name: 'ten times the rate, 8 sub-ledgers',
    isolates: 1_000,
    regions: 8,
    tenants: 1,
    perSecond: 10_000,
    limits: overLimit,
  },
];

/** A token bucket and quotas that every isolate sees at once. */
function createIdeal({ rate, quotas = [] }: LimitsDocument, nowMs: number) {
  let level = rate?.burst ?? 0;
  let atMs = nowMs;
  let left = Math.min(...quotas.map(({ requests = Number.POSITIVE_INFINITY }) => requests));
  return (ms: number): boolean => {
    if (rate) {
      level = Math.min(rate.burst, level + ((ms - atMs) * rate.perSecond) / 1_000);
      atMs = ms;
      if (level < 1) return false;
    }
    if (left < 1) return false;
    level -= 1;
    left -= 1;
    return true;
  };
}

/** Lets asks be answered one after the other, as an object does. Counts them by the second. */
function limitThroughput(node: LedgerNode, nowMs: () => number, at: (ms: number, run: () => void) => void) {
  const perSecond: number[] = [];
  let freeAtMs = 0;
  const { receive } = node;
  node.receive = (ask, reply) => {
    const second = Math.floor((nowMs() - START_MS) / 1_000);
    perSecond[second] = (perSecond[second] ?? 0) + 1;
    const startMs = Math.max(nowMs(), freeAtMs);
    if (startMs > nowMs() + LONGEST_QUEUE_MS) return;
    freeAtMs = startMs + ASK_TAKES_MS;
    at(startMs, () => receive(ask, reply));
  };
  return perSecond;
}

/** A number that comes up so often on average (Poisson). */
function countOf(mean: number, random: () => number): number {
  if (mean > 30) {
    const normal = Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
    return Math.max(0, Math.round(mean + Math.sqrt(mean) * normal));
  }
  let count = 0;
  for (let product = random(); product > Math.exp(-mean); product *= random()) count += 1;
  return count;
}

function run(scenario: Scenario) {
  const { isolates, tenants, perSecond, regions: regionCount = 0 } = scenario;
  const world = createWorld({ seed: SEED, startMs: START_MS, network: scenario.network ?? CALM, cloned: false });
  const random = seededRandom(SEED + 1);
  const endMs = START_MS + SECONDS * 1_000;

  // Tenants by their share of the calls, and where each share ends.
  const shareEnds: number[] = [];
  for (let k = 1; k <= tenants; k += 1) shareEnds.push((shareEnds.at(-1) ?? 0) + 1 / k);
  const whole = shareEnds.at(-1) ?? 1;
  const ledgers = shareEnds.map((_, k) => {
    const limits = scenario.limits(perSecond / (k + 1) / whole);
    const node = world.addLedger(limits);
    const regions = Array.from({ length: regionCount }, () =>
      world.addSubLedger(node, Math.floor(random() * 6_001) - 3_000),
    );
    const objects = [node, ...regions].map((object) => limitThroughput(object, world.nowMs, world.at));
    return { node, regions, ideal: createIdeal(limits, START_MS), served: 0, objects };
  });
  const pickTenant = (): number => {
    const spot = random() * whole;
    let low = 0;
    let high = tenants - 1;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((shareEnds[middle] ?? 0) > spot) high = middle;
      else low = middle + 1;
    }
    return low;
  };

  const newIsolate = () => ({ skewMs: Math.floor(random() * 6_001) - 3_000, places: new Map<number, Place>() });
  const population = Array.from({ length: isolates }, newIsolate);
  let offered = 0;
  let dead = 0;
  const tick = () => {
    const nowMs = world.nowMs();
    if (nowMs >= endMs) return;
    for (let due = countOf(perSecond / 1_000, random); due > 0; due -= 1) {
      const k = tenants === 1 ? 0 : pickTenant();
      const isolate = population[Math.floor(random() * isolates)];
      const ledger = ledgers[k];
      if (!isolate || !ledger) continue;
      let place = isolate.places.get(k);
      if (!place) {
        const region = ledger.regions[Math.floor(random() * ledger.regions.length)];
        place = world.addPlace(region ?? ledger.node, isolate.skewMs);
        isolate.places.set(k, place);
      }
      offered += 1;
      if (ledger.ideal(nowMs)) ledger.served += 1;
      world.call(place, { bytes: 0, durationMs: 0, fate: 'seen' });
    }
    if (scenario.isolateLives) {
      for (let due = countOf(isolates / scenario.isolateLives / 1_000, random); due > 0; due -= 1) {
        const index = Math.floor(random() * isolates);
        for (const place of population[index]?.places.values() ?? []) world.kill(place);
        population[index] = newIsolate();
        dead += 1;
      }
    }
    if (scenario.objectLives) {
      for (let due = countOf(tenants / scenario.objectLives / 1_000, random); due > 0; due -= 1) {
        const { node, regions = [] } = ledgers[Math.floor(random() * tenants)] ?? {};
        for (const object of [node, ...regions]) object?.restart();
      }
    }
    world.at(nowMs + 1, tick);
  };
  world.at(START_MS, tick);
  world.runUntil(endMs);
  world.network = CALM;
  world.runUntil(endMs + REST_MS);

  let forwarded = 0;
  let overshoot = 0;
  let stranded = 0;
  let unsettled = 0;
  let missed = 0;
  let served = 0;
  let asks = 0;
  let hottest = 0;
  for (const { node, served: servedIdeally, objects } of ledgers) {
    const { seen, state } = node;
    const named = seen.writtenOff + unsettledCalls(state, world.nowMs());
    forwarded += seen.forwarded;
    overshoot += seen.broken.length;
    stranded += state.windows.day.calls - seen.countedForwarded - named;
    unsettled += named;
    missed += Math.max(0, servedIdeally - seen.forwarded);
    served += servedIdeally;
    for (const perSecondAsked of objects) {
      const sum = (from: number, to: number) =>
        perSecondAsked.slice(from, to).reduce((all, count) => all + (count ?? 0), 0);
      hottest = Math.max(hottest, sum(WARM_UP_SECONDS, SECONDS) / (SECONDS - WARM_UP_SECONDS));
      asks += sum(0, SECONDS + 2);
    }
  }
  return { offered, forwarded, overshoot, stranded, unsettled, dead, missed, served, asks, hottest };
}

const whole = (value: number) => Math.round(value).toLocaleString('en');
const percent = (part: number, all: number) => `${((100 * part) / Math.max(1, all)).toFixed(2)} %`;

console.log(
  '| scenario | isolates | tenants | calls/s | beyond a limit | stranded | of dead isolates | refused, ideally not | object calls per 100 | hottest object, calls/s |',
);
console.log('|---|--:|--:|--:|--:|--:|--:|--:|--:|--:|');
const only = process.argv[2];
for (const [index, scenario] of SCENARIOS.entries()) {
  if (only !== undefined && !only.split(',').includes(String(index))) continue;
  const startedMs = Date.now();
  const seen = run(scenario);
  const cells = [
    scenario.name,
    whole(scenario.isolates),
    whole(scenario.tenants),
    whole(scenario.perSecond),
    whole(seen.overshoot),
    whole(seen.stranded),
    scenario.isolateLives ? `${whole(seen.unsettled)} (${whole(seen.dead)} died)` : whole(seen.unsettled),
    percent(seen.missed, seen.served),
    ((100 * seen.asks) / Math.max(1, seen.forwarded)).toFixed(1),
    whole(seen.hottest),
  ];
  console.log(`| ${cells.join(' | ')} |`);
  if (process.env.QUOTA_SIM_TIMES) {
    const rss = Math.round(process.memoryUsage().rss / 1e6);
    console.error(
      `${Date.now() - startedMs} ms, ${rss} MB; offered ${seen.offered}, forwarded ${seen.forwarded}, ideal ${seen.served}`,
    );
  }
}

console.log(`
\`beyond a limit\`: calls that a quota or \`burst + rate x (T + 1 s)\` did not allow. \`stranded\`: calls that a ledger
counts, and that were neither forwarded nor named as unsettled. \`of dead isolates\`: calls that they had leased and not
accounted for. \`refused, ideally not\`: calls fewer than one exact limiter without delay lets through, as a part of
those. An object answers ${1_000 / ASK_TAKES_MS} asks a second, one after the other; an isolate gives an ask up after 2 s.`);
