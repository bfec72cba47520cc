import { evictDurableObject, runInDurableObject } from 'cloudflare:test';
import { env } from 'cloudflare:workers';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { ROOT_ACTOR } from '../../src/core/identity/actor.ts';
import type { TenantId } from '../../src/core/identity/ids.ts';
import type { Batch, LeaseRequest } from '../../src/core/quota/lease-protocol.ts';
import type { LimitsDocument } from '../../src/core/quota/limits.ts';
import { emptyUsage, type Usage } from '../../src/core/usage/usage.ts';

const stubOf = (name: string) => env.TENANT.get(env.TENANT.idFromName(name));

async function makeTenant(name: string, limits: LimitsDocument) {
  const stub = stubOf(name);
  const document = { name, status: 'active' as const, policy: { allow: [] }, limits, upstream: {} };
  await stub.create(name as TenantId, document, ROOT_ACTOR);
  return { stub, document };
}

const ask = (seq: number, more: Partial<LeaseRequest> = {}): LeaseRequest => ({
  holder: 'isolate',
  seq,
  reports: [],
  batches: [],
  keepSlots: 0,
  inFlight: 0,
  arrived: 0,
  wanted: { calls: 0, bytes: 0, slots: 0 },
  waiting: { calls: 0, bytes: 0 },
  ...more,
});
const forCalls = (calls: number) => ({ wanted: { calls, bytes: 0, slots: 0 } });
const batch = (id: number, functionName: string, use: Partial<Usage>): Batch => ({
  id,
  use: new Map([[functionName, { ...emptyUsage(), ...use }]]),
  corrections: [],
});

/** Takes the objects' clock. Objects and tests share it here. */
const setTime = (ms: number) => vi.setSystemTime(ms);
afterEach(() => {
  vi.useRealTimers();
});
const NOON = Date.UTC(2026, 10, 23, 12);
const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

const totalOf = (steps: readonly { use: Usage }[], name: keyof Usage): number =>
  steps.reduce((sum, { use }) => sum + Number(use[name]), 0);

describe("a tenant's ledger", () => {
  it('sends the tenant with the first answer, and again only when it has changed', async () => {
    const { stub, document } = await makeTenant('revisions', { quotas: [{ period: 'day', requests: 5 }] });
    const first = await stub.ask(ask(1), 0);
    expect(first.snapshot).toMatchObject({ exists: true, limits: document.limits });
    expect((await stub.ask(ask(2), first.revision)).snapshot).toBeUndefined();
    await stub.addKey('k' as never, '', null, ROOT_ACTOR);
    const changed = await stub.ask(ask(3), first.revision);
    expect(changed.snapshot).toMatchObject({ keys: { k: null } });
    await stub.replace({ ...document, limits: {} }, 1, ROOT_ACTOR);
    expect((await stub.ask(ask(4), changed.revision)).snapshot).toMatchObject({ limits: {} });
    await stub.revokeKey('k', ROOT_ACTOR);
    expect((await stub.ask(ask(5), changed.revision)).snapshot).toMatchObject({ keys: {} });
    await stub.remove(ROOT_ACTOR);
    expect(await stub.ask(ask(6), 99)).toMatchObject({ snapshot: { exists: false } });
  });

  it('forgets neither leases nor counts nor slots when it is evicted', async () => {
    vi.useFakeTimers({ now: NOON, toFake: ['Date'] });
    const { stub } = await makeTenant('evicted-ledger', {
      rate: { perSecond: 1, burst: 100 },
      concurrency: 10,
      quotas: [{ period: 'month', requests: 10_000 }],
    });
    const wanted = { calls: 60, bytes: 0, slots: 4 };
    const { ledger } = await stub.ask(ask(1, { wanted, waiting: { calls: 4, bytes: 0 } }), 0);
    expect([ledger?.lease?.calls, ledger?.slots]).toEqual([60, 4]);
    await evictDurableObject(stub);
    const again = await stubOf('evicted-ledger').ask(ask(1, { wanted, waiting: { calls: 4, bytes: 0 } }), 0);
    expect(again.ledger?.lease?.calls).toBe(60);
    const { standings } = (await stubOf('evicted-ledger').usage('hour', NOON - HOUR, NOON + HOUR)) ?? {};
    expect(standings?.map(({ limit, remaining }) => [limit, remaining])).toEqual([
      ['rate', 40],
      ['concurrency', 6],
      ['month-requests', 9_940],
    ]);
    await evictDurableObject(stub);
    const reports = [{ id: 1, calls: 10, bytes: 0, final: true }];
    await stubOf('evicted-ledger').ask(ask(2, { reports }), 0);
    const after = await stubOf('evicted-ledger').usage('hour', NOON - HOUR, NOON + HOUR);
    expect(after?.standings.map(({ remaining }) => remaining)).toEqual([90, 10, 9_990]);
  });

  it('counts a batch once, also when it comes again after a restart', async () => {
    const { stub } = await makeTenant('batches', {});
    const batches = [batch(1, 'orders', { forwarded: 3 })];
    await stub.ask(ask(1, { batches }), 0);
    await evictDurableObject(stub);
    await stubOf('batches').ask(ask(2, { batches: [...batches, batch(2, 'orders', { forwarded: 4 })] }), 0);
    const report = await stubOf('batches').usage('minute', Date.now() - HOUR, Date.now() + MINUTE);
    expect(totalOf(report?.steps ?? [], 'forwarded')).toBe(7);
    expect(totalOf(report?.steps ?? [], 'ledgerCalls')).toBe(2);
  });

  it('names what an isolate that never came back had leased, and writes it off once', async () => {
    vi.useFakeTimers({ now: NOON, toFake: ['Date'] });
    const { stub } = await makeTenant('dead', { quotas: [{ period: 'day', requests: 1_000 }] });
    await stub.ask(ask(1, forCalls(10)), 0);
    setTime(NOON + 2_500);
    expect((await stub.usage('day', NOON - DAY, NOON + DAY))?.unsettledNow).toBe(10);
    for (const minutes of [2, 3]) {
      setTime(NOON + minutes * MINUTE);
      await evictDurableObject(stub);
      const report = await stubOf('dead').usage('day', NOON - DAY, NOON + DAY);
      expect([report?.unsettledNow, totalOf(report?.steps ?? [], 'unsettled')]).toEqual([0, 10]);
      expect(report?.standings[0]?.remaining).toBe(990);
    }
  });

  it('writes off once what an isolate had in flight, however often it is restarted', async () => {
    vi.useFakeTimers({ now: NOON, toFake: ['Date'] });
    const { stub } = await makeTenant('in-flight', {});
    await stub.ask(ask(1, { inFlight: 7 }), 0);
    setTime(NOON + 2 * HOUR);
    for (let time = 0; time < 3; time++) {
      await evictDurableObject(stub);
      const report = await stubOf('in-flight').usage('hour', NOON - DAY, NOON + DAY);
      expect([report?.unsettledNow, totalOf(report?.steps ?? [], 'unsettled')]).toEqual([0, 7]);
    }
  });

  it('leases nothing when it cannot write, and still says who the tenant is', async () => {
    const { stub } = await makeTenant('unwritable', {});
    await runInDurableObject(stub, (_, { storage }) => {
      storage.sql.exec('DROP TABLE holder');
    });
    const { snapshot, ledger } = await stub.ask(ask(1, forCalls(1)), 0);
    expect([snapshot?.exists, ledger]).toEqual([true, undefined]);
  });

  it('goes with its tenant', async () => {
    const { stub, document } = await makeTenant('gone-ledger', { quotas: [{ period: 'day', requests: 10 }] });
    await stub.ask(ask(1, { ...forCalls(1), batches: [batch(1, 'f', { forwarded: 1 })] }), 0);
    await stub.remove(ROOT_ACTOR);
    await stub.create('gone-ledger' as TenantId, document, ROOT_ACTOR);
    const report = await stub.usage('day', Date.now() - DAY, Date.now() + DAY);
    expect([report?.steps, report?.standings[0]?.remaining]).toEqual([[], 10]);
  });
});

describe("a tenant's use", () => {
  it('adds up the same by the minute, the hour and the day, while minutes roll up', async () => {
    vi.useFakeTimers({ now: NOON, toFake: ['Date'] });
    const { stub } = await makeTenant('rolling', {});
    let sent = 0;
    for (let seq = 1; seq <= 40; seq++) {
      setTime(NOON + seq * 35 * MINUTE);
      sent += seq;
      await stub.ask(ask(seq, { batches: [batch(seq, seq % 2 ? 'odd' : 'even', { forwarded: seq })] }), 0);
      if (seq % 7 === 0) await evictDurableObject(stub);
      for (const step of ['minute', 'hour', 'day'] as const) {
        const report = await stubOf('rolling').usage(step, NOON - DAY, NOON + 3 * DAY);
        expect([step, totalOf(report?.steps ?? [], 'forwarded')]).toEqual([step, sent]);
      }
    }
    const report = await stub.usage('day', NOON - DAY, NOON + 3 * DAY);
    expect(report?.steps.map(({ atMs }) => new Date(atMs).toISOString().slice(0, 10))).toEqual([
      '2026-11-23',
      '2026-11-24',
    ]);
    const rows = await runInDurableObject(stub, (_, { storage }) =>
      storage.sql.exec<{ step: string; n: number }>('SELECT step, count(*) AS n FROM use GROUP BY step').toArray(),
    );
    expect(rows.find(({ step }) => step === 'day')?.n).toBe(3);
  });

  it('is kept 90 days, by the minute 2', async () => {
    vi.useFakeTimers({ now: NOON, toFake: ['Date'] });
    const { stub } = await makeTenant('keeping', {});
    await stub.ask(ask(1, { batches: [batch(1, 'f', { forwarded: 1 })] }), 0);
    const count = async (step: 'minute' | 'hour' | 'day') =>
      totalOf((await stub.usage(step, NOON - DAY, NOON + DAY))?.steps ?? [], 'forwarded');
    for (const [days, minutes, hours] of [
      [1, 1, 1],
      [3, 0, 1],
      [89, 0, 1],
      [92, 0, 0],
    ] as const) {
      setTime(NOON + days * DAY);
      await stub.ask(ask(1 + days), 0);
      expect([days, await count('minute'), await count('hour'), await count('day')]).toEqual([
        days,
        minutes,
        hours,
        hours,
      ]);
    }
  });

  it('tells at most 100 functions apart in a step, and loses none of their calls', async () => {
    const { stub } = await makeTenant('inventor', {});
    for (let seq = 1; seq <= 30; seq++) {
      const use = new Map(
        Array.from({ length: 10 }, (_, at) => [`f-${seq}-${at}`, { ...emptyUsage(), forwarded: 1 }] as const),
      );
      await stub.ask(ask(seq, { batches: [{ id: seq, use, corrections: [] }] }), 0);
    }
    const report = await stub.usage('day', Date.now() - DAY, Date.now() + DAY);
    expect(totalOf(report?.steps ?? [], 'forwarded')).toBe(300);
    expect(report?.functions.size).toBeLessThanOrEqual(102);
  });

  it('holds a function whose name means something in JavaScript', async () => {
    const { stub } = await makeTenant('proto', {});
    await stub.ask(ask(1, { batches: [batch(1, '__proto__', { forwarded: 2 })] }), 0);
    await evictDurableObject(stub);
    const report = await stubOf('proto').usage('day', Date.now() - DAY, Date.now() + DAY);
    expect(report?.functions.get('__proto__')?.forwarded).toBe(2);
  });
});
