import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { KeyId, TenantId } from '../../src/core/identity/ids.ts';
import type { LeaseRequest } from '../../src/core/quota/lease-protocol.ts';
import { answerRequest, unsettledCalls } from '../../src/core/quota/ledger.ts';
import { createLedger } from '../../src/core/quota/ledger-state.ts';
import { limitStatuses } from '../../src/core/quota/limit-status.ts';
import type { LimitsDocument } from '../../src/core/quota/limits.ts';
import type { TenantAnswer, TenantSnapshot } from '../../src/core/tenancy/snapshot.ts';
import { createTenantMemory, type Reservation } from '../../src/tenants/tenant-memory.ts';

const ID = 't1' as TenantId;
const snapshot = (key: string, limits: LimitsDocument = {}): TenantSnapshot => ({
  exists: true,
  status: 'active',
  policy: { allow: [] },
  limits,
  upstream: {},
  meterDuration: false,
  issuers: [],
  keys: { [key]: null },
});

beforeEach(() => {
  vi.useFakeTimers({ now: Date.UTC(2026, 10, 23, 12) });
});
afterEach(() => {
  vi.useRealTimers();
});
const pass = (ms: number) => vi.advanceTimersByTimeAsync(ms);

/** A memory of tenants over an object whose every answer the test gives. */
function byHand() {
  const questions: { answer: (value: TenantAnswer) => void; fail: (error: Error) => void; ask: LeaseRequest }[] = [];
  const kept: Promise<unknown>[] = [];
  let revision = 0;
  const memory = createTenantMemory(
    (_, ask) => {
      const { promise, resolve, reject } = Promise.withResolvers<TenantAnswer>();
      questions.push({ answer: resolve, fail: reject, ask });
      return promise;
    },
    () => Date.now(),
  );
  const waitUntil = (promise: Promise<unknown>) => kept.push(promise);
  return {
    questions,
    kept,
    recall: () => {
      memory.prepare(ID, undefined, waitUntil);
      return memory.recall(ID);
    },
    meet: () => memory.meet(ID, 0, waitUntil),
    forget: () => memory.forget(ID),
    /** Answers a question with a tenant whose one key has this name. */
    async answer(index: number, key: string) {
      const { ask, answer } = questions[index] ?? {};
      revision += 1;
      answer?.({
        revision,
        snapshot: snapshot(key),
        ledger: { seq: ask?.seq ?? 0, slots: 0, standings: [] },
      });
      await pass(0);
    },
  };
}

const keysOf = (tenant: ReturnType<ReturnType<typeof byHand>['recall']>) =>
  tenant?.exists ? Object.keys(tenant.keys) : undefined;

async function warm(name = 'a') {
  const test = byHand();
  const meeting = test.meet();
  await test.answer(0, name);
  await meeting;
  return test;
}

describe('a tenant in memory', () => {
  it('is asked for once by callers that come at the same time, and the question is kept alive', async () => {
    const test = byHand();
    const meetings = [test.meet(), test.meet(), test.meet()];
    expect(test.questions).toHaveLength(1);
    expect(test.kept).toHaveLength(1);
    await test.answer(0, 'a');
    expect((await Promise.all(meetings)).map(keysOf)).toEqual([['a'], ['a'], ['a']]);
  });

  it('is served for a second without a question, then asked for behind the answer', async () => {
    const test = await warm();
    await pass(999);
    expect(keysOf(test.recall())).toEqual(['a']);
    expect(test.questions).toHaveLength(1);
    await pass(1);
    expect(keysOf(test.recall())).toEqual(['a']);
    expect(test.questions).toHaveLength(2);
    await test.answer(1, 'b');
    expect(keysOf(test.recall())).toEqual(['b']);
  });

  it('is not served when it was asked for 4 seconds ago, whatever fails', async () => {
    const test = await warm();
    await pass(1_500);
    test.recall();
    test.questions[1]?.fail(new Error('lost'));
    await pass(2_499);
    expect(keysOf(test.recall())).toEqual(['a']);
    await pass(1);
    expect(test.recall()).toBeUndefined();
    const meeting = test.meet();
    for (const { fail } of test.questions) fail(new Error('lost'));
    await pass(2_000);
    expect(await meeting).toBeUndefined();
  });

  it('is as old as the question, and not as its answer', async () => {
    const test = byHand();
    const meeting = test.meet();
    await pass(1_900);
    await test.answer(0, 'a');
    await meeting;
    await pass(2_099);
    expect(keysOf(test.recall())).toEqual(['a']);
    await pass(1);
    expect(test.recall()).toBeUndefined();
  });

  it('is asked for again when a question gets no answer, and a late answer changes nothing', async () => {
    const test = await warm();
    await pass(1_000);
    test.recall();
    await pass(2_100);
    test.recall();
    expect(test.questions).toHaveLength(3);
    await test.answer(2, 'young');
    await test.answer(1, 'old');
    expect(keysOf(test.recall())).toEqual(['young']);
  });

  it('is forgotten on demand, also what is being asked', async () => {
    const test = await warm();
    await pass(1_000);
    test.recall();
    await pass(1);
    test.forget();
    const meeting = test.meet();
    await test.answer(1, 'stale');
    await test.answer(2, 'fresh');
    expect(keysOf(await meeting)).toEqual(['fresh']);
  });

  it('is remembered not to be there', async () => {
    const test = byHand();
    const meeting = test.meet();
    test.questions[0]?.answer({ revision: 0, snapshot: { exists: false } });
    expect(await meeting).toEqual({ exists: false });
    await pass(900);
    expect(test.recall()).toEqual({ exists: false });
    expect(test.questions).toHaveLength(1);
  });
});

/** A memory of tenants over a real ledger, some milliseconds away, that can be cut off. */
function withLedger(limits: LimitsDocument) {
  const ledger = createLedger(Date.now());
  const asks: LeaseRequest[] = [];
  const keysTold: ReadonlyMap<string, number>[] = [];
  const answers = { lost: false, delayMs: 10 };
  const memory = createTenantMemory(
    async (_, ask, revision, keysUsed) => {
      asks.push(ask);
      if (!answers.lost) keysTold.push(keysUsed);
      if (answers.lost) throw new Error('lost');
      await new Promise((passed) => setTimeout(passed, answers.delayMs / 2));
      const { response: answer } = answerRequest(ledger, limits, ask, Date.now());
      await new Promise((passed) => setTimeout(passed, answers.delayMs / 2));
      return { revision: 1, ...(revision !== 1 && { snapshot: snapshot('a', limits) }), ledger: answer };
    },
    () => Date.now(),
  );
  const waitUntil = () => {};
  const meet = async () => {
    const meeting = memory.meet(ID, 2, waitUntil);
    await pass(answers.delayMs);
    expect((await meeting)?.exists).toBe(true);
  };
  const start = (bytes = 2, left?: () => AbortSignal) => memory.reserve(ID, bytes, waitUntil, left);
  return {
    memory,
    asks,
    keysTold,
    answers,
    meet,
    /** Reserves so many calls at once: what became of each. */
    async reserve(times: number, waitMs = 2_000) {
      const reserving = Promise.all(Array.from({ length: times }, () => start()));
      await pass(waitMs);
      const reserved = await reserving;
      const reservations: Reservation[] = [];
      const refusals: string[] = [];
      for (const one of reserved) one.ok ? reservations.push(one.value) : refusals.push(one.error.reason);
      return { reservations, refusals };
    },
    start,
    recall: () => memory.recall(ID),
    prepare: () => memory.prepare(ID, 2, waitUntil),
    used: () => ledger.windows.day.calls,
    remaining: () => limitStatuses(ledger, limits)[0]?.remaining,
    unsettled: () => unsettledCalls(ledger, Date.now()),
  };
}

describe('reserve', () => {
  it('needs the one round trip that brought the tenant, and no other', async () => {
    const test = withLedger({ quotas: [{ period: 'day', requests: 1_000 }] });
    await test.meet();
    const { reservations } = await test.reserve(1, 0);
    expect(reservations).toHaveLength(1);
    expect(test.asks).toHaveLength(1);
  });

  it('needs one round trip while the body comes, for a tenant that is known without a lease', async () => {
    const test = withLedger({ quotas: [{ period: 'day', requests: 1_000 }] });
    await test.meet();
    await test.reserve(1, 3_000);
    const asked = test.asks.length;
    for (let time = 0; time < 3; time++) test.prepare();
    await pass(10);
    expect((await test.reserve(1, 0)).reservations).toHaveLength(1);
    expect(test.asks).toHaveLength(asked + 1);
  });

  it('does not stampede the object: one question is out at a time, for all who wait', async () => {
    const test = withLedger({ rate: { perSecond: 1_000, burst: 1_000 } });
    await test.meet();
    const { reservations } = await test.reserve(200, 20);
    expect(reservations).toHaveLength(200);
    expect(test.asks.length).toBeLessThanOrEqual(4);
  });

  it('never lets through more than the quota, and leases the refusal', async () => {
    const test = withLedger({ quotas: [{ period: 'day', requests: 20 }] });
    await test.meet();
    const { reservations, refusals } = await test.reserve(50, 500);
    expect([reservations.length, refusals.length]).toEqual([20, 30]);
    expect(new Set(refusals)).toEqual(new Set(['limit-day-requests']));
    const asked = test.asks.length;
    expect((await test.reserve(100, 0)).refusals).toHaveLength(100);
    expect(test.memory.foresee(ID, 0)?.reason).toBe('limit-day-requests');
    expect(test.asks).toHaveLength(asked);
  });

  it('gives back what an idle isolate holds, at the end of the lease', async () => {
    const test = withLedger({ quotas: [{ period: 'day', requests: 10_000 }] });
    await test.meet();
    await test.reserve(40, 20);
    expect(test.used()).toBeGreaterThan(40);
    await pass(1_100);
    expect(test.used()).toBe(40);
    expect(test.unsettled()).toBe(0);
    const asked = test.asks.length;
    await pass(60_000);
    expect(test.asks).toHaveLength(asked);
  });

  it('gives a call back that Lambda turned away', async () => {
    const test = withLedger({ quotas: [{ period: 'day', requests: 10 }] });
    await test.meet();
    const { reservations } = await test.reserve(3, 100);
    reservations[0]?.giveBack();
    await pass(2_500);
    expect(test.used()).toBe(2);
  });

  it('frees a slot at once when its function ends, and only then', async () => {
    const test = withLedger({ concurrency: 2 });
    await test.meet();
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
    await test.meet();
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
    await test.meet();
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
    await test.meet();
    await test.reserve(1, 0);
    test.answers.lost = true;
    await pass(500);
    expect((await test.reserve(1, 10)).refusals).toEqual(['limits-unavailable']);
  });

  it('leaves an object alone that fails, and asks it less and less', async () => {
    const test = withLedger({ quotas: [{ period: 'day', requests: 1_000 }] });
    await test.meet();
    await test.reserve(1, 1_500);
    test.answers.lost = true;
    const asked = test.asks.length;
    for (let time = 0; time < 500; time++) await test.reserve(1, 4);
    expect(test.asks.length - asked).toBeLessThanOrEqual(10);
    test.answers.lost = false;
    await pass(1_000);
    await test.meet();
    expect((await test.reserve(1, 20)).reservations).toHaveLength(1);
    await pass(3_000);
    expect(test.used()).toBe(2);
  });

  it('takes nothing of what is limited for a caller that has not proved itself', async () => {
    const test = withLedger({ concurrency: 1, quotas: [{ period: 'month', requests: 1 }] });
    const meeting = test.memory.meet(ID, undefined, () => {});
    await pass(10);
    expect((await meeting)?.exists).toBe(true);
    expect([test.used(), test.remaining()]).toEqual([0, 1]);
  });

  it('gives back at once the slot of a call that was refused', async () => {
    const test = withLedger({ concurrency: 1 });
    await test.meet();
    expect(test.remaining()).toBe(0);
    test.memory.record(ID, '', { calls: 1, refused: { 'payload-not-json': 1 } }, () => {});
    await pass(20);
    expect(test.remaining()).toBe(1);
  });

  it('holds functions that were running before there was a limit against one that is set', async () => {
    const limits: { concurrency?: number } = {};
    const test = withLedger(limits);
    await test.meet();
    const { reservations } = await test.reserve(4, 2_000);
    limits.concurrency = 5;
    test.memory.forget(ID);
    await test.meet();
    expect((await test.reserve(3, 300)).reservations).toHaveLength(1);
    for (const one of reservations) one.end();
    await pass(1_500);
    expect((await test.reserve(3, 300)).reservations).toHaveLength(3);
  });

  it('does not trust what it knows when its clock steps back', async () => {
    const test = withLedger({ quotas: [{ period: 'day', requests: 10 }] });
    await test.meet();
    vi.setSystemTime(Date.now() - 60_000);
    expect(test.recall()).toBeUndefined();
    await test.meet();
    expect(test.recall()?.exists).toBe(true);
  });

  it('does not give up on calls near the end of a quota because the object is far away', async () => {
    const test = withLedger({ quotas: [{ period: 'day', requests: 150 }] });
    test.answers.delayMs = 80;
    await test.meet();
    const { reservations, refusals } = await test.reserve(150, 6_000);
    expect([reservations.length, refusals]).toEqual([150, []]);
  });

  it('serves it where the tenant says so, for as long as it says, and counts it later', async () => {
    const test = withLedger({
      quotas: [{ period: 'day', requests: 10 }],
      onLimitsUnavailable: 'serve',
      serveSeconds: 2,
    });
    await test.meet();
    await test.reserve(1, 0);
    test.answers.lost = true;
    const { reservations } = await test.reserve(30, 10);
    expect(reservations.map(({ uncounted }) => uncounted)).toEqual(Array(30).fill(true));
    await pass(1_900);
    expect((await test.reserve(1, 10)).reservations).toHaveLength(1);
    await pass(200);
    expect((await test.reserve(1, 10)).refusals).toEqual(['limits-unavailable']);
    test.answers.lost = false;
    await pass(3_000);
    expect(test.used()).toBe(32);
  });

  it('serves nothing by a tenant of 4 seconds ago, also where it says so', async () => {
    const test = withLedger({ rate: { perSecond: 1, burst: 1 }, onLimitsUnavailable: 'serve', serveSeconds: 60 });
    await test.meet();
    test.answers.lost = true;
    await pass(4_100);
    expect(test.recall()).toBeUndefined();
    expect((await test.reserve(1, 10)).refusals).toEqual(['state-unavailable']);
  });

  it('lets an answer that comes too late admit nobody, and gives its lease back', async () => {
    const test = withLedger({ quotas: [{ period: 'day', requests: 100 }] });
    await test.meet();
    await test.reserve(1, 0);
    test.answers.delayMs = 3_000;
    const { refusals } = await test.reserve(1, 8_000);
    expect(refusals).toEqual(['limits-unavailable']);
    test.answers.delayMs = 10;
    await pass(5_000);
    expect(test.used()).toBe(1);
  });

  it('tells when each key was last used, also when it could not be told at once', async () => {
    const test = withLedger({ quotas: [{ period: 'day', requests: 100 }] });
    await test.meet();
    test.answers.lost = true;
    test.memory.recordKey(ID, 'k1' as KeyId);
    await pass(100);
    test.memory.recordKey(ID, 'k2' as KeyId);
    await test.reserve(2, 10);
    test.answers.lost = false;
    const told = Date.now();
    await pass(5_000);
    const all = new Map(test.keysTold.flatMap((keys) => [...keys]));
    expect([...all.keys()].sort()).toEqual(['k1', 'k2']);
    expect(told - (all.get('k1') ?? 0)).toBe(110);
  });

  it('forgets a tenant that has not called for a minute, once its last call has ended and is accounted for', async () => {
    const test = withLedger({ concurrency: 2 });
    await test.meet();
    const { reservations } = await test.reserve(1, 100);
    const othersCome = () => {
      for (const id of ['t2', 't3', 't4']) test.memory.recall(`${id}-${Date.now()}` as TenantId);
    };
    await pass(61_000);
    othersCome();
    expect(test.memory.describeLimits(ID)).not.toEqual({});
    reservations[0]?.end();
    test.memory.record(ID, 'f', { calls: 1, forwarded: 1 }, () => {});
    await pass(59_000);
    othersCome();
    expect(test.memory.describeLimits(ID)).not.toEqual({});
    await pass(2_000);
    expect(test.used()).toBe(1);
    othersCome();
    expect(test.memory.describeLimits(ID)).toEqual({});
  });

  it('does not wait for the ledger where nothing is limited, and accounts for all of it', async () => {
    const test = withLedger({});
    await test.meet();
    const { reservations } = await test.reserve(500, 0);
    expect(reservations).toHaveLength(500);
    await pass(2_500);
    expect(test.used()).toBe(500);
  });
});
