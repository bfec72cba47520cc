import fc from 'fast-check';
import type { LimitsDocument } from '../../../src/core/quota/limits.ts';
import {
  type Call,
  createWorld,
  GOOD_NETWORK,
  type LedgerNode,
  type Network,
  type Place,
  type Rules,
  type World,
} from '../../support/quota/world.ts';

/** What happens to a tenant in some seconds. Everything else follows from it. */
export interface Plan {
  readonly seed: number;
  readonly startMs: number;
  readonly seconds: number;
  readonly isolates: number;
  readonly network: Network;
  /** Calls a second, over all isolates; in bursts of so many. */
  readonly perSecond: number;
  readonly atOnce: number;
  readonly maxBytes: number;
  readonly maxDurationMs: number;
  /** Shares of calls whose caller leaves, and that Lambda throttles. */
  readonly left: number;
  readonly throttled: number;
  /** Shares of calls that get no answer: their function runs on, or never started. */
  readonly lost: number;
  readonly unstarted: number;
  /** Refused for a mistake of their own: they cost a unit of the rate. */
  readonly mistaken?: number;
  readonly kills: readonly { readonly atMs: number; readonly isolate: number }[];
  readonly cutOffs: readonly { readonly atMs: number; readonly isolate: number; readonly forMs: number }[];
  readonly restarts: readonly number[];
  readonly limits: LimitsDocument;
  /** Regions with a sub-ledger of their own; 0: all isolates ask the ledger. */
  readonly regions: number;
}

export interface Played {
  readonly world: World;
  readonly ledger: LedgerNode;
  /** Isolates that live at the end. */
  readonly places: readonly Place[];
  readonly dead: readonly Place[];
}

/** After the last call and the last fault, so long everybody has to come to rest. */
export const REST_MS = 40_000;

/** Plays a plan to its end, and until all is quiet. */
export function play(plan: Plan, rules: Partial<Rules> = {}): Played {
  const { seed, startMs, network, limits } = plan;
  const world = createWorld({ seed, startMs, network, rules });
  const ledger = world.addLedger(limits);
  const someSkewMs = () => Math.floor(world.random() * 6_001) - 3_000;
  const regions = Array.from({ length: plan.regions }, () => world.addSubLedger(ledger, someSkewMs()));
  const newPlace = () => {
    const region = regions[Math.floor(world.random() * regions.length)];
    return world.addPlace(region ?? ledger, someSkewMs());
  };
  const places = Array.from({ length: plan.isolates }, newPlace);
  const dead: Place[] = [];
  const endMs = startMs + plan.seconds * 1_000;

  const comeBurst = () => {
    if (world.nowMs() >= endMs) return;
    for (let index = 0; index < plan.atOnce; index += 1) {
      const place = places[Math.floor(world.random() * places.length)];
      if (place) world.call(place, someCall(world, plan));
    }
    const meanMs = (1_000 * plan.atOnce) / plan.perSecond;
    world.at(world.nowMs() + Math.ceil(-Math.log(1 - world.random()) * meanMs), comeBurst);
  };
  world.at(startMs, comeBurst);
  for (const { atMs, isolate } of plan.kills) {
    world.at(startMs + (atMs % (plan.seconds * 1_000)), () => {
      const index = isolate % places.length;
      const place = places[index];
      if (!place) return;
      world.kill(place);
      dead.push(place);
      places[index] = newPlace();
    });
  }
  for (const { atMs, isolate, forMs } of plan.cutOffs) {
    const fromMs = startMs + (atMs % (plan.seconds * 1_000));
    world.at(fromMs, () => {
      const place = places[isolate % places.length];
      if (place) place.cutOffUntilMs = Math.min(fromMs + forMs, endMs);
    });
  }
  for (const atMs of plan.restarts) {
    world.at(startMs + (atMs % (plan.seconds * 1_000)), () => {
      for (const node of [ledger, ...regions]) node.restart();
    });
  }

  world.runUntil(endMs);
  world.network = GOOD_NETWORK;
  world.runUntil(endMs + REST_MS);
  advance(world, ledger);
  return { world, ledger, places, dead };
}

/** Brings a ledger to the present, as its next ask would. */
export function advance(world: World, { state, limits, seen }: LedgerNode): void {
  seen.writtenOff += world.rules.advanceLedger(state, limits, world.nowMs()).writtenOff;
}

function someCall(world: World, plan: Plan): Call {
  const { maxBytes, maxDurationMs, left, throttled, lost, unstarted, mistaken = 0 } = plan;
  const shares = [
    [left, 'left'],
    [throttled, 'throttled'],
    [lost, 'lost'],
    [unstarted, 'unstarted'],
    [mistaken / 2, 'mistaken'],
    [mistaken / 2, 'mistaken-early'],
  ] as const;
  let chance = world.random();
  let fate: Call['fate'] = 'seen';
  for (const [share, name] of shares) {
    if (chance >= 0 && chance < share) fate = name;
    chance -= share;
  }
  return {
    bytes: Math.floor(world.random() * (maxBytes + 1)),
    durationMs: 1 + Math.floor(world.random() * maxDurationMs),
    fate,
  };
}

const share = (max: number) => fc.double({ min: 0, max, noNaN: true });

export const anyNetwork: fc.Arbitrary<Network> = fc
  .record({
    minMs: fc.integer({ min: 0, max: 40 }),
    spreadMs: fc.integer({ min: 0, max: 200 }),
    slow: share(0.2),
    slowMs: fc.integer({ min: 0, max: 5_000 }),
    lost: share(0.25),
    repeated: share(0.3),
  })
  .map(({ spreadMs, ...network }) => ({ ...network, maxMs: network.minMs + spreadMs }));

/** Moments at which windows end: of a day; of a week; of a month; of all three. And one at which none does. */
const MOMENTS_MS = [
  Date.UTC(2026, 10, 25),
  Date.UTC(2026, 10, 30),
  Date.UTC(2026, 11, 1),
  Date.UTC(2027, 1, 1),
  Date.UTC(2026, 10, 25, 12),
];

const aMoment = fc.integer({ min: 0, max: 60_000 });
const anIsolate = fc.integer({ min: 0, max: 7 });

/** Any plan for some limits, with the faults that a test allows. */
export function anyPlan(
  limits: fc.Arbitrary<LimitsDocument>,
  {
    deaths = true,
    leavers = true,
    midnight = true,
    perSecond = 400,
    regions = 0,
    durationsMs = [1, 50, 900, 7_900],
  }: {
    deaths?: boolean;
    leavers?: boolean;
    midnight?: boolean;
    perSecond?: number;
    regions?: number;
    /** The longest that a function of a plan runs is one of these. */
    durationsMs?: readonly number[];
  } = {},
): fc.Arbitrary<Plan> {
  return fc
    .record({
      seed: fc.nat(),
      moment: fc.constantFrom(...(midnight ? MOMENTS_MS : MOMENTS_MS.slice(-1))),
      beforeMs: fc.integer({ min: 0, max: 6_000 }),
      seconds: fc.integer({ min: 1, max: 12 }),
      isolates: fc.integer({ min: 1, max: 6 }),
      network: fc.oneof(anyNetwork, fc.constant(GOOD_NETWORK)),
      perSecond: fc.integer({ min: 1, max: perSecond }),
      atOnce: fc.integer({ min: 1, max: 20 }),
      maxBytes: fc.constantFrom(0, 1, 1_000, 100_000),
      maxDurationMs: fc.constantFrom(...durationsMs),
      left: leavers ? share(0.3) : fc.constant(0),
      throttled: fc.oneof(fc.constant(0), share(0.3)),
      lost: fc.oneof(fc.constant(0), share(0.2)),
      unstarted: fc.oneof(fc.constant(0), share(0.2)),
      mistaken: fc.oneof(fc.constant(0), share(0.3)),
      kills: deaths ? fc.array(fc.record({ atMs: aMoment, isolate: anIsolate }), { maxLength: 4 }) : fc.constant([]),
      cutOffs: fc.array(fc.record({ atMs: aMoment, isolate: anIsolate, forMs: fc.integer({ min: 1, max: 6_000 }) }), {
        maxLength: 2,
      }),
      restarts: fc.array(aMoment, { maxLength: 3 }),
      limits,
      regions: fc.integer({ min: Math.min(1, regions), max: regions }),
    })
    .map(({ moment, beforeMs, ...plan }) => ({ ...plan, startMs: moment - beforeMs }));
}
