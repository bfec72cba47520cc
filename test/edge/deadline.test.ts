import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { createStopwatch, TimeoutError, within } from '../../src/edge/deadline.ts';

beforeEach(() => {
  vi.useFakeTimers({ now: Date.UTC(2026, 10, 24) });
});
afterEach(() => {
  vi.useRealTimers();
});

/** When a promise came to its end, in milliseconds from now, and how. */
async function ends(promise: Promise<unknown>, withinMs = 100_000): Promise<[number, string]> {
  const startedAtMs = Date.now();
  let end: [number, string] | undefined;
  const note = (how: string) => {
    end = [Date.now() - startedAtMs, how];
  };
  promise.then(
    () => note('came'),
    (error: unknown) => note(error instanceof TimeoutError ? 'late' : 'failed'),
  );
  while (!end && Date.now() - startedAtMs < withinMs) await vi.advanceTimersByTimeAsync(1);
  return end ?? [withinMs, 'waits'];
}
const passing = (ms: number) => new Promise<void>((done) => setTimeout(done, ms));
const never = new Promise<never>(() => {});

describe('within', () => {
  it('waits no longer than the given time, and passes on the result', async () => {
    expect(await ends(within(50, never))).toEqual([50, 'late']);
    expect(await ends(within(50, passing(49)))).toEqual([49, 'came']);
    expect(await ends(within(50, Promise.reject(new Error('x'))))).toEqual([expect.any(Number), 'failed']);
    expect(vi.getTimerCount()).toBe(0);
  });
});

describe('a stopwatch', () => {
  it('gives each wait its own time, by one timer', async () => {
    const { within: wait, stop } = createStopwatch();
    expect(await ends(wait(100, passing(40)))).toEqual([40, 'came']);
    expect(vi.getTimerCount()).toBe(1);
    const long = ends(wait(5_000, never));
    expect(vi.getTimerCount()).toBe(1);
    expect(await long).toEqual([5_000, 'late']);
    expect(await ends(wait(1_000, passing(1)))).toEqual([1, 'came']);
    expect(await ends(wait(20, never))).toEqual([20, 'late']);
    await ends(wait(1_000, passing(1)));
    stop();
    expect(vi.getTimerCount()).toBe(0);
  });

  it.each([-3_600_000, 3_600_000])('waits as long as the given time when the clock steps by %i ms', async (stepMs) => {
    const { within: wait } = createStopwatch();
    await wait(100, Promise.resolve());
    let isLate = false;
    wait(300, never).catch(() => {
      isLate = true;
    });
    vi.setSystemTime(Date.now() + stepMs);
    await vi.advanceTimersByTimeAsync(299);
    expect(isLate).toBe(false);
    await vi.advanceTimersByTimeAsync(101);
    expect(isLate).toBe(true);
  });
});
