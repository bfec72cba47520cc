import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { BROKEN, type BrokenMemory } from './broken.ts';
import { type Broken, type Plan, play } from './world.ts';

/** `POSTERN_PROPERTY_RUNS=100` plays a hundred times as much, `POSTERN_PROPERTY_SEED` something else. */
const RUNS = Number(process.env.POSTERN_PROPERTY_RUNS ?? 1);
const SEED = Number(process.env.POSTERN_PROPERTY_SEED ?? 4);

const MB = 1_000_000;
const anyBytes = fc.oneof(
  fc.integer({ min: 1, max: 16_384 }),
  fc.integer({ min: 16_385, max: 300_000 }),
  fc.constantFrom(MB, 3 * MB),
  fc.constantFrom(6 * MB, 6_291_456),
);
const anySpeed = fc.constantFrom(0.08 * MB, 0.3 * MB, MB, 5 * MB, 100 * MB);
const fast = fc.constantFrom(2 * MB, 10 * MB, 100 * MB);

const anyPlan = (kind: Plan['kind'], more: Partial<{ [Name in keyof Plan]: fc.Arbitrary<Plan[Name]> }> = {}) =>
  fc.record<Plan>({
    atMs: fc.integer({ min: 0, max: 3_000 }),
    tenant: fc.integer({ min: 0, max: 3 }),
    kind: fc.constant(kind),
    bytes: anyBytes,
    declared: fc.boolean(),
    inPerSecond: kind === 'signed' ? fast : anySpeed,
    outPerSecond: anySpeed,
    breaksAfterMs: fc.oneof(
      { weight: 3, arbitrary: fc.constant(undefined) },
      { weight: 1, arbitrary: fc.integer({ min: 0, max: 10_000 }) },
    ),
    ...more,
  });
const many = (plan: fc.Arbitrary<Plan>, maxLength = 40) => fc.array(plan, { maxLength, size: 'max' });
/** Uploads that send nothing, little or fast, and never prove themselves; they leave when their time is over. */
const forged = anyPlan('forged', {
  bytes: fc.constantFrom(1_000, MB, 6_291_456),
  inPerSecond: fc.constantFrom(0, 1_000, 0.2 * MB, 100 * MB),
  breaksAfterMs: fc.constant(34_000),
});
const anyPlans = fc.tuple(many(anyPlan('bearer')), many(anyPlan('signed')), many(forged)).map((plans) => plans.flat());
const withoutSigned = fc.tuple(many(anyPlan('bearer')), many(forged, 80)).map((plans) => plans.flat());
/** Large uploads of a few tenants at once, most of them slow. */
const slowCrowd = fc.array(
  anyPlan('bearer', {
    atMs: fc.integer({ min: 0, max: 15_000 }),
    tenant: fc.integer({ min: 0, max: 5 }),
    bytes: fc.constant(6_291_456),
    inPerSecond: fc.constantFrom(0.07 * MB, 0.09 * MB, 0.11 * MB, 0.13 * MB),
    breaksAfterMs: fc.constant(undefined),
  }),
  { minLength: 10, maxLength: 40, size: 'max' },
);

/** Checks a promise over random plans; and that every memory which breaks it is found out. */
function promise(
  text: string,
  plans: fc.Arbitrary<Plan[]>,
  runs: number,
  judge: (plans: Plan[], broken: Broken) => string[],
  broken: readonly BrokenMemory[],
) {
  const property = (how: Broken) =>
    fc.property(plans, (played) => {
      expect(judge(played, how)).toEqual([]);
    });
  it(text, { timeout: 60_000 * RUNS }, () =>
    fc.assert(property({}), { numRuns: runs * RUNS, seed: SEED, endOnFailure: true }),
  );
  for (const name of broken) {
    it(`would find out if ${name}`, { timeout: 60_000 }, () => {
      const found = fc.check(property(BROKEN[name]), { numRuns: 5 * runs, seed: SEED, endOnFailure: true });
      expect(found.failed).toBe(true);
    });
  }
}

const wrongIn = (plans: Plan[], how: Broken) => play(plans, how).wrong;

describe('the memory of bodies', () => {
  promise('never holds more than there is, and keeps nothing wherever a connection breaks', anyPlans, 60, wrongIn, [
    'a call that breaks off while it waits stays in line',
    'a body that breaks off on its way out keeps its bytes',
    'bytes are given back twice',
  ]);

  promise(
    'serves every honest call in the end, and drops none',
    anyPlans,
    60,
    (plans, how) => {
      const { seen, wrong } = play(plans, how);
      const honest = seen.filter(({ plan }) => plan.kind !== 'forged');
      const lost = honest.filter(({ end }) => end !== 'sent' && end !== 'broken');
      return [...wrong, ...lost.map(({ plan, end }) => `${plan.kind} of ${plan.bytes} bytes was ${end}`)];
    },
    [],
  );

  promise('does not lock up when all are large and most are slow', slowCrowd, 15, wrongIn, [
    'slow uploads lend all that they do not use',
  ]);

  promise('promises no tenant more than its share', withoutSigned, 60, wrongIn, [
    'each upload counts as a tenant of its own',
  ]);

  promise(
    'has no unproved caller delay a proved one, by a moment',
    withoutSigned,
    60,
    (plans, how) => {
      const timesOf = (played: Plan[]) =>
        play(played, how)
          .seen.filter(({ plan }) => plan.kind === 'bearer')
          .map(({ end, beganAtMs, cameAtMs }) => `${end} ${beganAtMs} ${cameAtMs}`);
      const alone = timesOf(plans.filter(({ kind }) => kind !== 'forged'));
      return timesOf(plans).flatMap((times, index) =>
        times === alone[index] ? [] : [`${times}, not ${alone[index]}`],
      );
    },
    ['unproved callers use the memory of proved ones'],
  );
});
