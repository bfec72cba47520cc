import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  addUsage,
  addUsageOf,
  DURATION_BOUNDS_MS,
  durationBucket,
  emptyUsage,
  MAX_FUNCTIONS,
  OTHER_FUNCTIONS,
  type Usage,
  type UsageByFunction,
} from '../../../src/core/usage/usage.ts';

const anyUse: fc.Arbitrary<Partial<Usage>> = fc.record(
  {
    calls: fc.nat(9),
    forwarded: fc.nat(9),
    bytesIn: fc.nat(9_999),
    refused: fc.dictionary(fc.constantFrom('rate', 'busy', 'function'), fc.nat(9)),
    durations: fc.integer({ min: 0, max: 1_000_000 }).map(durationBucket),
  },
  { requiredKeys: [] },
);

describe('addUsage', () => {
  it('adds up to the same in any order', () => {
    fc.assert(
      fc.property(fc.array(anyUse), (uses) => {
        const add = (all: Partial<Usage>[]) => all.reduce<Usage>((sum, use) => addUsage(sum, use), emptyUsage());
        expect(add(uses.toReversed())).toEqual(add(uses));
        expect(add(uses).calls).toBe(uses.reduce((sum, { calls = 0 }) => sum + calls, 0));
      }),
    );
  });

  it('leaves what is added as it was', () => {
    const from = { refused: { rate: 1 }, durations: [1] };
    const into = addUsage(emptyUsage(), from);
    addUsage(into, from);
    expect([from, into.refused, into.durations]).toEqual([{ refused: { rate: 1 }, durations: [1] }, { rate: 2 }, [2]]);
  });
});

describe('durationBucket', () => {
  it('puts a duration into the first bucket whose bound it does not exceed', () => {
    expect(durationBucket(0)).toEqual([1]);
    expect(durationBucket(5)).toEqual([1]);
    expect(durationBucket(6)).toEqual([0, 1]);
    expect(durationBucket(900_001)).toHaveLength(DURATION_BOUNDS_MS.length + 1);
  });
});

describe('addUseOf', () => {
  it('counts a limited number of functions separately, and adds up all others', () => {
    const into: UsageByFunction = new Map();
    for (let index = 0; index < MAX_FUNCTIONS + 50; index += 1) addUsageOf(into, `f${index}`, { calls: 1 });
    addUsageOf(into, '', { calls: 7 });
    expect(into.get(OTHER_FUNCTIONS)?.calls).toBe(50);
    expect(into.get('')?.calls).toBe(7);
    expect([...into.values()].reduce((sum, { calls }) => sum + calls, 0)).toBe(MAX_FUNCTIONS + 57);
  });

  it('takes any name', () => {
    const into: UsageByFunction = new Map();
    addUsageOf(into, '__proto__', { calls: 1 });
    expect(into.get('__proto__')?.calls).toBe(1);
  });
});
