import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { SIGNATURE_LIMITS } from '../../../src/core/signature/limits.ts';
import { readingsOf, type SignedValue } from '../../../src/core/signature/readings.ts';

const read = (values: readonly SignedValue[], most = 8) => [...readingsOf(values, most)];
const lists = fc.array(
  fc.tuple(
    fc.constantFrom('a', 'b', 'c', 'd'),
    fc.array(fc.constantFrom('1', '2', ''), { minLength: 1, maxLength: 5 }),
  ),
  { maxLength: 4 },
);

describe('readingsOf', () => {
  it('takes a value without a list as it came', () => {
    expect(read([['host', 'h'], ['x', 'a,b']])).toEqual([[['host', 'h'], ['x', 'a,b']]]); // biome-ignore format: a table
  });

  it('reads up to three commas in every way', () => {
    const readings = read([['x', '1, 2, 3'], ['y', '4, 5']]).map((values) => values.map(([, value]) => value).join('|')); // biome-ignore format: a table
    expect(new Set(readings)).toEqual(
      new Set(['1, 2, 3', '1,2, 3', '1, 2,3', '1,2,3'].flatMap((x) => [`${x}|4, 5`, `${x}|4,5`])),
    );
  });

  it('A6: tries at most 8 ways, each once, as it came first, and no more than it is given', () => {
    fc.assert(
      fc.property(lists, fc.integer({ min: -1, max: 10 }), (given, most) => {
        const values = given.map(([name, parts], index): SignedValue => [name + index, parts.join(', ')]);
        const readings = read(values, most).map((reading) => JSON.stringify(reading));
        expect(readings[0]).toBe(JSON.stringify(values));
        expect(new Set(readings).size).toBe(readings.length);
        expect(readings.length).toBeLessThanOrEqual(Math.max(1, Math.min(most, SIGNATURE_LIMITS.maxReadings)));
        // Only the spaces behind commas are ever read away.
        for (const reading of readings) expect(reading.replaceAll(', ', ',')).toBe(readings[0]?.replaceAll(', ', ','));
      }),
    );
  });
});
