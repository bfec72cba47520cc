import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { DAY_MS, PERIODS, type Period, windowEnd, windowStart } from '../../../src/core/quota/calendar.ts';

/** A moment, and the window of each period that it lies in. */
const WINDOWS: readonly [at: string, period: Period, start: string, end: string][] = [
  ['2026-11-23T23:59:59.999Z', 'day', '2026-11-23', '2026-11-24'],
  ['2026-11-24T00:00:00.000Z', 'day', '2026-11-24', '2026-11-25'],
  ['2028-02-28T12:00:00.000Z', 'day', '2028-02-28', '2028-02-29'],
  ['2026-11-22T23:59:59.999Z', 'week', '2026-11-16', '2026-11-23'],
  ['2026-11-23T00:00:00.000Z', 'week', '2026-11-23', '2026-11-30'],
  ['2026-12-31T12:00:00.000Z', 'week', '2026-12-28', '2027-01-04'],
  ['1970-01-01T00:00:00.000Z', 'week', '1969-12-29', '1970-01-05'],
  ['2026-11-30T23:59:59.999Z', 'month', '2026-11-01', '2026-12-01'],
  ['2026-12-31T23:59:59.999Z', 'month', '2026-12-01', '2027-01-01'],
  ['2027-01-01T00:00:00.000Z', 'month', '2027-01-01', '2027-02-01'],
  ['2027-02-28T12:00:00.000Z', 'month', '2027-02-01', '2027-03-01'],
  ['2028-02-29T12:00:00.000Z', 'month', '2028-02-01', '2028-03-01'],
];

describe('windowStart and windowEnd', () => {
  for (const [at, period, start, end] of WINDOWS) {
    it(`puts ${at} into the ${period} from ${start} to ${end}`, () => {
      const atMs = Date.parse(at);
      expect(new Date(windowStart(period, atMs)).toISOString()).toBe(`${start}T00:00:00.000Z`);
      expect(new Date(windowEnd(period, atMs)).toISOString()).toBe(`${end}T00:00:00.000Z`);
    });
  }

  it('covers all time with windows that begin with a day, without gaps', () => {
    const anyMs = fc.integer({ min: 0, max: Date.UTC(2100, 0) });
    fc.assert(
      fc.property(anyMs, fc.constantFrom(...PERIODS), (ms, period) => {
        const start = windowStart(period, ms);
        const end = windowEnd(period, ms);
        expect(start <= ms && ms < end && start % DAY_MS === 0).toBe(true);
        expect([windowStart(period, start), windowEnd(period, end - 1), windowStart(period, end)]).toEqual([
          start,
          end,
          end,
        ]);
        if (period === 'week') expect(new Date(start).getUTCDay()).toBe(1);
      }),
    );
  });
});
