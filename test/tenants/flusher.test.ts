import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { NOON, pass, withLedger } from './isolate.ts';

beforeEach(() => {
  vi.useFakeTimers({ now: NOON });
});
afterEach(() => {
  vi.useRealTimers();
});

describe('Flusher', () => {
  it('gives back what an idle isolate holds, at the end of the lease', async () => {
    const test = withLedger({ quotas: [{ period: 'day', requests: 10_000 }] });
    await test.load();
    await test.reserve(40, 20);
    expect(test.used()).toBeGreaterThan(40);
    await pass(1_100);
    expect(test.used()).toBe(40);
    expect(test.unsettled()).toBe(0);
    const sent = test.requests.length;
    await pass(60_000);
    expect(test.requests).toHaveLength(sent);
  });

  it('reports a call that Lambda turned away', async () => {
    const test = withLedger({ quotas: [{ period: 'day', requests: 10 }] });
    await test.load();
    const { reservations } = await test.reserve(3, 100);
    reservations[0]?.giveBack();
    await pass(2_500);
    expect(test.used()).toBe(2);
  });

  it('tries an object that fails once a second for 20 seconds, then leaves it to the next call', async () => {
    const test = withLedger({ quotas: [{ period: 'day', requests: 10 }] });
    await test.load();
    await test.reserve(1, 0);
    test.object.lost = true;
    const sent = test.requests.length;
    await pass(60_000);
    expect(test.requests.length - sent).toBeGreaterThanOrEqual(15);
    expect(test.requests.length - sent).toBeLessThanOrEqual(25);
    test.object.lost = false;
    await test.load();
    await pass(3_000);
    expect(test.used()).toBe(1);
  });
});
