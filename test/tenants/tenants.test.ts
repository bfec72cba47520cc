import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { TenantId } from '../../src/core/identity/ids.ts';
import { NOON, pass, withLedger } from './isolate.ts';

beforeEach(() => {
  vi.useFakeTimers({ now: NOON });
});
afterEach(() => {
  vi.useRealTimers();
});

/** An isolate with one call of a tenant under way, and a way to see whether it still knows the tenant's limits. */
async function withOneCall() {
  const test = withLedger({ concurrency: 2 });
  await test.load();
  const { reservations } = await test.reserve(1, 100);
  const [reservation] = reservations;
  return {
    end() {
      reservation?.end();
      test.open().record('f', { calls: 1, forwarded: 1 });
    },
    /** Calls of other tenants come, and then one of this. */
    isKept() {
      for (const id of ['t2', 't3', 't4']) test.open(`${id}-${Date.now()}` as TenantId);
      return Object.keys(test.open().rateLimitHeaders()).length > 0;
    },
    used: test.used,
  };
}

describe('createTenants', () => {
  it('keeps a tenant while a call of it is under way', async () => {
    const test = await withOneCall();
    await pass(61_000);
    expect(test.isKept()).toBe(true);
  });

  it('keeps a tenant for a minute after its last call', async () => {
    const test = await withOneCall();
    await pass(61_000);
    test.end();
    await pass(59_000);
    expect(test.isKept()).toBe(true);
  });

  it('drops a tenant a minute after its last call, when that is accounted for', async () => {
    const test = await withOneCall();
    await pass(61_000);
    test.end();
    await pass(61_000);
    expect(test.used()).toBe(1);
    expect(test.isKept()).toBe(false);
  });

  it('finds idle tenants behind tenants that are always busy', async () => {
    const test = withLedger({ concurrency: 2 });
    const busy = ['b1', 'b2', 'b3', 'b4'] as TenantId[];
    for (const id of busy) test.open(id);
    await test.load();
    await pass(59_000);
    for (const id of busy) test.open(id);
    await pass(3_000);
    for (const id of ['t2', 't3'] as TenantId[]) test.open(id);
    expect(test.open().rateLimitHeaders()).toEqual({});
  });
});
