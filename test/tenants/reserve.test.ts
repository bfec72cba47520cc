import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { ID, NOON, pass, withLedger } from './isolate.ts';

beforeEach(() => {
  vi.useFakeTimers({ now: NOON });
});
afterEach(() => {
  vi.useRealTimers();
});

describe('reserve', () => {
  it('needs the one round trip that brought the tenant, and no other', async () => {
    const test = withLedger({ quotas: [{ period: 'day', requests: 1_000 }] });
    await test.load();
    const { reservations } = await test.reserve(1, 0);
    expect(reservations).toHaveLength(1);
    expect(test.requests).toHaveLength(1);
  });

  it('needs one round trip while the body comes, for a tenant that is known without a lease', async () => {
    const test = withLedger({ quotas: [{ period: 'day', requests: 1_000 }] });
    await test.load();
    await test.reserve(1, 3_000);
    const sent = test.requests.length;
    for (let time = 0; time < 3; time++) test.open().prefetch(2);
    await pass(10);
    expect((await test.reserve(1, 0)).reservations).toHaveLength(1);
    expect(test.requests).toHaveLength(sent + 1);
  });

  it('never lets through more than the quota, and leases the refusal', async () => {
    const test = withLedger({ quotas: [{ period: 'day', requests: 20 }] });
    await test.load();
    const { reservations, refusals } = await test.reserve(50, 500);
    expect([reservations.length, refusals.length]).toEqual([20, 30]);
    expect(new Set(refusals)).toEqual(new Set(['limit-day-requests']));
    const sent = test.requests.length;
    expect((await test.reserve(100, 0)).refusals).toHaveLength(100);
    expect(test.open().peekDenial(0)?.reason).toBe('limit-day-requests');
    expect(test.requests).toHaveLength(sent);
  });

  it('frees a slot at once when its function ends, and only then', async () => {
    const test = withLedger({ concurrency: 2 });
    await test.load();
    const { reservations, refusals } = await test.reserve(5, 100);
    expect([reservations.length, refusals]).toEqual([2, Array(3).fill('limit-concurrency')]);
    await pass(60_000);
    expect(test.remaining()).toBe(0);
    reservations[0]?.end();
    await pass(20);
    expect(test.remaining()).toBe(1);
    expect((await test.reserve(2, 200)).reservations).toHaveLength(1);
  });

  it('waits for nothing on behalf of a caller that has left, and takes nothing for it', async () => {
    const test = withLedger({ concurrency: 2 });
    await test.load();
    await test.reserve(1, 100);
    const leaving = new AbortController();
    const waits = [test.start(2, () => leaving.signal), test.start()];
    leaving.abort();
    expect(await waits[0]).toMatchObject({ ok: false, error: { reason: 'caller-left' } });
    await pass(100);
    expect((await waits[1])?.ok).toBe(true);
    await pass(2_000);
    expect(test.remaining()).toBe(0); // the first and the last: no slot went to the one that left
    const late = test.start(2, () => AbortSignal.abort());
    expect(await late).toMatchObject({ ok: false, error: { reason: 'caller-left' } });
  });

  it('A5: frees the slot of a call without an answer after 10 s, and of one that never started at once', async () => {
    const test = withLedger({ concurrency: 2 });
    await test.load();
    const { reservations } = await test.reserve(2, 100);
    reservations[0]?.takeBack();
    await pass(20);
    expect(test.remaining()).toBe(1);
    reservations[1]?.lose();
    await pass(9_500);
    expect(test.remaining()).toBe(1);
    await pass(600);
    expect(test.remaining()).toBe(2);
  });

  it('refuses what is limited while the ledger cannot be reached', async () => {
    const test = withLedger({ quotas: [{ period: 'day', requests: 10 }] });
    await test.load();
    await test.reserve(1, 0);
    test.object.lost = true;
    await pass(500);
    expect((await test.reserve(1, 10)).refusals).toEqual(['limits-unavailable']);
  });

  it('takes nothing of what is limited for a caller that has not proved itself', async () => {
    const test = withLedger({ concurrency: 1, quotas: [{ period: 'month', requests: 1 }] });
    const loading = test.open().load();
    await pass(10);
    expect((await loading)?.exists).toBe(true);
    expect([test.used(), test.remaining()]).toEqual([0, 1]);
  });

  it('gives back at once the slot of a call that was refused', async () => {
    const test = withLedger({ concurrency: 1 });
    await test.load();
    expect(test.remaining()).toBe(0);
    test.open().record('', { calls: 1, refused: { 'payload-not-json': 1 } });
    await pass(20);
    expect(test.remaining()).toBe(1);
  });

  it('holds functions that were running before there was a limit against one that is set', async () => {
    const limits: { concurrency?: number } = {};
    const test = withLedger(limits);
    await test.load();
    const { reservations } = await test.reserve(4, 2_000);
    limits.concurrency = 5;
    test.tenants.invalidate(ID);
    await test.load();
    expect((await test.reserve(3, 300)).reservations).toHaveLength(1);
    for (const one of reservations) one.end();
    await pass(1_500);
    expect((await test.reserve(3, 300)).reservations).toHaveLength(3);
  });

  it('does not give up on calls near the end of a quota because the object is far away', async () => {
    const test = withLedger({ quotas: [{ period: 'day', requests: 150 }] });
    test.object.delayMs = 80;
    await test.load();
    const { reservations, refusals } = await test.reserve(150, 6_000);
    expect([reservations.length, refusals]).toEqual([150, []]);
  });

  it('serves it where the tenant says so, for as long as it says, and counts it later', async () => {
    const test = withLedger({
      quotas: [{ period: 'day', requests: 10 }],
      onLimitsUnavailable: 'serve',
      serveSeconds: 2,
    });
    await test.load();
    await test.reserve(1, 0);
    test.object.lost = true;
    const { reservations } = await test.reserve(30, 10);
    expect(reservations.map(({ uncounted }) => uncounted)).toEqual(Array(30).fill(true));
    await pass(1_900);
    expect((await test.reserve(1, 10)).reservations).toHaveLength(1);
    await pass(200);
    expect((await test.reserve(1, 10)).refusals).toEqual(['limits-unavailable']);
    test.object.lost = false;
    await pass(3_000);
    expect(test.used()).toBe(32);
  });

  it('serves nothing by a tenant of 4 seconds ago, also where it says so', async () => {
    const test = withLedger({ rate: { perSecond: 1, burst: 1 }, onLimitsUnavailable: 'serve', serveSeconds: 60 });
    await test.load();
    test.object.lost = true;
    await pass(4_100);
    expect(test.open().peek()).toBeUndefined();
    expect((await test.reserve(1, 10)).refusals).toEqual(['state-unavailable']);
  });

  it('does not wait for the ledger where nothing is limited, and accounts for all of it', async () => {
    const test = withLedger({});
    await test.load();
    const { reservations } = await test.reserve(500, 0);
    expect(reservations).toHaveLength(500);
    await pass(2_500);
    expect(test.used()).toBe(500);
  });
});
