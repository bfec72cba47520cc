import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { PERIODS } from '../../../src/core/quota/calendar.ts';
import { fieldsOf } from '../../../src/core/quota/lease-holder.ts';
import { FORGOTTEN_MS, unsettledCalls, WRITTEN_OFF_MS } from '../../../src/core/quota/ledger.ts';
import type { LimitsDocument } from '../../../src/core/quota/limits.ts';
import { createWorld, type Place, type Rules } from '../../support/quota/world.ts';
import { BROKEN, type BrokenRule } from './broken-rules.ts';
import { advance, anyPlan, type Plan, type Played, play } from './play.ts';

/** `POSTERN_PROPERTY_RUNS=100` plays a hundred times as much, `POSTERN_PROPERTY_SEED` something else. */
const RUNS = Number(process.env.POSTERN_PROPERTY_RUNS ?? 1);
const SEED = Number(process.env.POSTERN_PROPERTY_SEED ?? 4);

/** What a promise says no to in what was played: nothing, if it is kept. */
type Judge = (played: Played) => string[];

/** Checks a promise over random plans; and that every rule which breaks it is found out. */
function promise(
  text: string,
  plans: fc.Arbitrary<Plan>,
  runs: number,
  judge: Judge,
  broken: readonly BrokenRule[],
  onceBroken: readonly Plan[] = [],
) {
  const property = (rules: Partial<Rules>) =>
    fc.property(plans, (plan) => {
      expect(judge(play(plan, rules))).toEqual([]);
    });
  it(text, { timeout: 60_000 * RUNS }, () => fc.assert(property({}), { numRuns: runs * RUNS, seed: SEED }));
  for (const plan of onceBroken) it(`${text}: what broke it once`, () => expect(judge(play(plan, {}))).toEqual([]));
  for (const name of broken) {
    it(`would find out if ${name}`, { timeout: 60_000 }, () => {
      expect(fc.check(property(BROKEN[name]), { numRuns: 20 * runs, seed: SEED, endOnFailure: true }).failed).toBe(
        true,
      );
    });
  }
}

const brokenBy =
  (...kinds: readonly string[]): Judge =>
  ({ ledger }) =>
    ledger.seen.broken.filter((what) => kinds.some((kind) => what.startsWith(kind)));

const optional = <T>(value: fc.Arbitrary<T>) => fc.option(value, { nil: undefined });
const anyRate = fc.record({
  perSecond: fc.double({ min: 0.3, max: 200, noNaN: true }),
  burst: fc.integer({ min: 1, max: 100 }),
});
const anyQuotas = (maxCalls: number, maxBytes = 1_000_000) =>
  fc.uniqueArray(
    fc.record({
      period: fc.constantFrom(...PERIODS),
      requests: optional(fc.integer({ min: 0, max: maxCalls })),
      payloadBytes: optional(fc.integer({ min: 0, max: maxBytes })),
    }),
    { minLength: 1, maxLength: 3, selector: ({ period }) => period },
  );
const anyConcurrency = fc.oneof(fc.integer({ min: 1, max: 12 }), fc.integer({ min: 30, max: 80 }));

/** Functions of a plan run for less than that. */
const maxDurationSeconds = fc.constant(8);

const quotasOnly: fc.Arbitrary<LimitsDocument> = fc.record({ quotas: anyQuotas(600) });
const rateOnly: fc.Arbitrary<LimitsDocument> = fc.record({ rate: anyRate });
const smallRates: fc.Arbitrary<LimitsDocument> = fc.record({
  rate: fc.record({ perSecond: fc.double({ min: 0.3, max: 5, noNaN: true }), burst: fc.integer({ min: 1, max: 3 }) }),
});
const concurrencyOnly: fc.Arbitrary<LimitsDocument> = fc.record({ concurrency: anyConcurrency, maxDurationSeconds });
const anyLimits: fc.Arbitrary<LimitsDocument> = fc.record({
  rate: optional(anyRate),
  concurrency: optional(anyConcurrency),
  maxDurationSeconds,
  quotas: optional(anyQuotas(5_000, 50_000_000)),
});

describe('promise 1: quotas', () => {
  promise(
    'forwards no more calls and bytes in a window than its quotas, whatever is lost, late, repeated or dies',
    fc.oneof(anyPlan(quotasOnly), anyPlan(anyLimits)),
    150,
    brokenBy('quota'),
    [
      'a settled lease is credited twice',
      'a lease lasts 10 seconds',
      'an isolate takes an answer that comes late',
      'a call that Lambda throttled is given back twice',
      'a mistake gives back what it was not charged',
      'a restart forgets what was leased',
    ],
  );
});

describe('promise 2: rate', () => {
  promise(
    'forwards at most burst + rate x (T + 1 s) in any interval T',
    fc.oneof(anyPlan(rateOnly), anyPlan(smallRates, { perSecond: 10 }), anyPlan(anyLimits)),
    250,
    brokenBy('rate'),
    [
      'a lease lasts 10 seconds',
      'an isolate takes an answer that comes late',
      'the bucket fills up while its tokens are leased',
      'a restart fills the bucket',
    ],
  );
});

describe('promise 3: nothing strands', () => {
  promise(
    'comes to rest with exactly what was forwarded, when no isolate dies',
    anyPlan(anyLimits, { deaths: false }),
    120,
    (played) => [...strandedWithoutDeaths(played), ...slotsLeft(played)],
    [
      'a settled lease is credited twice',
      'an ask that comes again is answered as a new one',
      'an isolate forgets an ask that was lost',
      'an isolate never settles by itself',
      'a batch is counted whenever it comes',
      'an isolate drops its batches when they are sent',
      'a call that Lambda throttled is given back twice',
      'a call that never started is charged',
      'a mistake costs a unit of the quotas',
      'a mistake gives back what it was not charged',
    ],
  );

  promise(
    'names what isolates that died did not account for: at most what they held',
    anyPlan(anyLimits, { midnight: false }),
    120,
    (played) => [...brokenBy('share')(played), ...unnamed(played), ...slotsLeft(played), ...unnamedLater(played)],
    [
      'an ask that comes again is answered as a new one',
      'a batch is counted whenever it comes',
      'an isolate drops its batches when they are sent',
      'a lease is a tenth of what is left',
    ],
  );
});

describe('concurrency', () => {
  promise(
    'runs no more functions at once than it may, though callers leave and isolates die',
    fc.oneof(anyPlan(concurrencyOnly), anyPlan(anyLimits)),
    150,
    (played) => [...brokenBy('concurrency')(played), ...slotsLeft(played)],
    [
      'a caller that leaves frees its slot',
      'slots of an isolate that is silent are free after 2 seconds',
      'a restart forgets the slots',
    ],
  );

  const longLimits = fc.record({ concurrency: anyConcurrency, maxDurationSeconds: fc.constant(30) });
  promise(
    'counts a call without an answer as one that runs, for 10 s or until its function has ended',
    anyPlan(longLimits, { durationsMs: [12_000, 25_000], perSecond: 40 }),
    60,
    brokenBy('concurrency'),
    [
      'a call without an answer frees its slot',
      'the ledger frees the slots of calls without an answer as soon as it hears of them',
    ],
  );

  const defaults = fc.record({ concurrency: anyConcurrency });
  promise(
    'has the slots of calls without an answer back long before their functions must have ended',
    anyPlan(defaults, { leavers: false, deaths: false }),
    60,
    slotsLeft,
    [
      'a call without an answer holds its slot for as long as a function may run',
      'a call that never started keeps its slot',
    ],
  );
});

describe('leases and refusals', () => {
  promise(
    'last no longer than a second, and a lease no longer than its window',
    anyPlan(anyLimits),
    60,
    brokenBy('lease', 'no holds'),
    ['a lease lasts 10 seconds', 'a denial holds 3 seconds'],
  );
});

describe('two tiers: sub-ledgers lease on what they are leased', () => {
  const regions = 3;
  const unpooled: fc.Arbitrary<LimitsDocument> = fc.record({
    rate: optional(anyRate),
    quotas: optional(anyQuotas(5_000, 50_000_000)),
  });

  promise(
    'keeps promise 1',
    fc.oneof(anyPlan(quotasOnly, { regions }), anyPlan(unpooled, { regions })),
    120,
    brokenBy('quota', 'lease', 'no holds'),
    ['a region leases on for a second, whatever it has', 'a region leases the same calls on twice'],
  );

  promise(
    'keeps promise 2',
    fc.oneof(anyPlan(rateOnly, { regions }), anyPlan(smallRates, { regions, perSecond: 10 })),
    120,
    brokenBy('rate'),
    ['a region leases the same calls on twice', 'a region returns what isolates may still use'],
  );

  promise(
    'keeps promise 3 when no isolate dies',
    anyPlan(unpooled, { regions, deaths: false }),
    100,
    strandedWithoutDeaths,
    ['a region answers an ask that comes again as a new one', 'a region passes a batch on whenever it comes'],
    [throttledAfterMidnight],
  );

  promise(
    'keeps promise 3 when isolates die',
    anyPlan(unpooled, { regions, midnight: false }),
    80,
    (played) => {
      rest(played);
      return unnamed(played);
    },
    ['a region passes a batch on whenever it comes'],
  );
});

describe('promise 4: few calls touch the ledger', () => {
  const anyLife = fc.record({
    seed: fc.nat(),
    isolates: fc.integer({ min: 1, max: 3 }),
    ledgerMs: fc.integer({ min: 2, max: 80 }),
    callMs: fc.integer({ min: 20, max: 200 }),
    limits: fc.constantFrom<LimitsDocument>(
      { quotas: [{ period: 'day', requests: 1_000_000 }] },
      { rate: { perSecond: 5_000, burst: 5_000 } },
      { concurrency: 100 },
      {
        quotas: [{ period: 'month', requests: 2_000_000, payloadBytes: 1e12 }],
        rate: { perSecond: 3_000, burst: 3_000 },
      },
    ),
  });
  const property = (rules: Partial<Rules>) =>
    fc.property(anyLife, (life) => {
      const { forwarded, ledgerCalls } = keepBusy(life, rules);
      expect(forwarded).toBe(10_000);
      expect(ledgerCalls / forwarded).toBeLessThan(0.05);
    });

  it('asks for fewer than 5 in 100 calls of a busy tenant that has room', { timeout: 60_000 * RUNS }, () =>
    fc.assert(property({}), { numRuns: 12 * RUNS, seed: SEED }),
  );

  for (const name of ['an isolate asks behind every call', 'a lease is of one call'] as const) {
    it(`would find out if ${name}`, () => {
      expect(fc.check(property(BROKEN[name]), { numRuns: 12, seed: SEED, endOnFailure: true }).failed).toBe(true);
    });
  }
});

/** Bytes that are not limited came back to a window, just begun, before they had been counted. */
const throttledAfterMidnight: Plan = {
  seed: 0,
  startMs: Date.UTC(2026, 10, 24, 23, 59, 59, 430),
  seconds: 1,
  isolates: 3,
  regions: 3,
  network: { minMs: 5, maxMs: 20, slow: 0, slowMs: 0, lost: 0, repeated: 0 },
  perSecond: 135,
  atOnce: 1,
  maxBytes: 100_000,
  maxDurationMs: 1,
  left: 0,
  throttled: 0.3023033097852022,
  lost: 0,
  unstarted: 0,
  kills: [],
  cutOffs: [],
  restarts: [],
  limits: { rate: { perSecond: 33.402922755741116, burst: 86 } },
};

/** The ledger's counters against what was seen, in the windows that are current at the end. */
function strandedWithoutDeaths({ world, ledger, places }: Played): string[] {
  const { state, seen } = ledger;
  const nowMs = world.nowMs();
  const found: string[] = [];
  for (const period of PERIODS) {
    for (const unit of ['calls', 'bytes'] as const) {
      const truly = nowMs < seen.windows[period].endMs ? seen.windows[period][unit] : 0;
      if (state.windows[period][unit] !== truly) {
        found.push(`${period}: ${state.windows[period][unit]} ${unit} counted, ${truly} forwarded`);
      }
    }
  }
  if (seen.countedForwarded !== seen.forwarded) found.push(`use: ${seen.countedForwarded} of ${seen.forwarded}`);
  if (seen.countedThrottled !== seen.throttled) found.push(`${seen.countedThrottled} of ${seen.throttled} throttled`);
  if (seen.writtenOff + unsettledCalls(state, nowMs) > 0) found.push('written off');
  if (state.outstanding !== 0) found.push(`${state.outstanding} outstanding`);
  for (const { holder } of places) {
    const { id, leases, batches } = fieldsOf(holder);
    if (leases.length + batches.length > 0) found.push(`${id} owes`);
  }
  return found;
}

function slotsLeft({ ledger: { state } }: Played): string[] {
  return state.slots === 0 ? [] : [`${state.slots} slots are not back`];
}

/** Counted = accounted for + named; and what was forwarded lies between. */
function unnamed({ world, ledger: { state, seen } }: Played): string[] {
  const unsettled = seen.writtenOff + unsettledCalls(state, world.nowMs());
  const counted = state.windows.day.calls;
  const accounted = seen.countedForwarded - seen.countedThrottled;
  const over = counted - seen.windows.day.calls;
  return [
    ...(counted === accounted + unsettled
      ? []
      : [`${counted} counted, ${accounted} accounted, ${unsettled} unsettled`]),
    ...(over >= 0 && over <= unsettled + seen.notGivenBack ? [] : [`${over} over, ${unsettled} unsettled`]),
  ];
}

/** Lets pass so much time that nobody waits for a word of those who died. */
function rest({ world, ledger }: Played): void {
  for (const afterMs of [WRITTEN_OFF_MS, FORGOTTEN_MS]) {
    world.runUntil(world.nowMs() + afterMs);
    advance(world, ledger);
  }
}

/** What is unsettled is written off in the end, no more and no less. */
function unnamedLater(played: Played): string[] {
  const { world, ledger } = played;
  const before = ledger.seen.writtenOff + unsettledCalls(ledger.state, world.nowMs());
  rest(played);
  const { writtenOff } = ledger.seen;
  return writtenOff === before && ledger.state.holders.size === 0
    ? []
    : [`${before} unsettled, ${writtenOff} written off`];
}

/** 10,000 calls of a caller on 32 connections. */
function keepBusy(
  life: { seed: number; isolates: number; ledgerMs: number; callMs: number; limits: LimitsDocument },
  rules: Partial<Rules>,
) {
  const network = { minMs: 1, maxMs: life.ledgerMs, slow: 0.01, slowMs: 200, lost: 0, repeated: 0 };
  const world = createWorld({ seed: life.seed, startMs: Date.UTC(2026, 10, 25, 12), network, rules });
  const ledger = world.addLedger(life.limits);
  const places = Array.from({ length: life.isolates }, () => world.addPlace(ledger));
  let toCome = 10_000;
  const connect = (place: Place) => {
    if (toCome === 0) return;
    toCome -= 1;
    const durationMs = Math.ceil(life.callMs * (0.5 + world.random()));
    const done = (forwarded: boolean) => {
      if (!forwarded) toCome += 1;
      world.at(world.nowMs() + 1, () => connect(place));
    };
    world.call(place, { bytes: 100, durationMs, fate: 'seen', done });
  };
  for (let index = 0; index < 32; index += 1) connect(places[index % places.length] as Place);
  world.runUntil(world.nowMs() + 300_000);
  return ledger.seen;
}
