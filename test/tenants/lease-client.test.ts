import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { KeyId } from '../../src/core/identity/ids.ts';
import { NOON, pass, withLedger } from './isolate.ts';

beforeEach(() => {
  vi.useFakeTimers({ now: NOON });
});
afterEach(() => {
  vi.useRealTimers();
});

describe('LeaseClient', () => {
  it('does not stampede the object: one request is out at a time, for all who wait', async () => {
    const test = withLedger({ rate: { perSecond: 1_000, burst: 1_000 } });
    await test.load();
    const { reservations } = await test.reserve(200, 20);
    expect(reservations).toHaveLength(200);
    expect(test.requests.length).toBeLessThanOrEqual(4);
  });

  it('leaves an object alone that fails, and asks it less and less', async () => {
    const test = withLedger({ quotas: [{ period: 'day', requests: 1_000 }] });
    await test.load();
    await test.reserve(1, 1_500);
    test.object.lost = true;
    const sent = test.requests.length;
    for (let time = 0; time < 500; time++) await test.reserve(1, 4);
    expect(test.requests.length - sent).toBeLessThanOrEqual(10);
    test.object.lost = false;
    await pass(1_000);
    await test.load();
    expect((await test.reserve(1, 20)).reservations).toHaveLength(1);
    await pass(3_000);
    expect(test.used()).toBe(2);
  });

  it('lets a response that comes too late admit nobody, and gives its lease back', async () => {
    const test = withLedger({ quotas: [{ period: 'day', requests: 100 }] });
    await test.load();
    await test.reserve(1, 0);
    test.object.delayMs = 3_000;
    const { refusals } = await test.reserve(1, 8_000);
    expect(refusals).toEqual(['limits-unavailable']);
    test.object.delayMs = 10;
    await pass(5_000);
    expect(test.used()).toBe(1);
  });

  it('reports when each key was last used, even if the object could not be reached at once', async () => {
    const test = withLedger({ quotas: [{ period: 'day', requests: 100 }] });
    await test.load();
    test.object.lost = true;
    test.open().recordKey('k1' as KeyId);
    await pass(100);
    test.open().recordKey('k2' as KeyId);
    await test.reserve(2, 10);
    test.object.lost = false;
    const told = Date.now();
    await pass(5_000);
    const all = new Map(test.keysTold.flatMap((keys) => [...keys]));
    expect([...all.keys()].sort()).toEqual(['k1', 'k2']);
    expect(told - (all.get('k1') ?? 0)).toBe(110);
  });
});
