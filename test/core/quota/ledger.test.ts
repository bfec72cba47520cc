import { describe, expect, it } from 'vitest';
import type { LeaseRequest } from '../../../src/core/quota/lease-protocol.ts';
import {
  advanceLedger,
  answerRequest,
  FORGOTTEN_MS,
  unsettledCalls,
  WRITTEN_OFF_MS,
} from '../../../src/core/quota/ledger.ts';
import { createLedger, restoreLedger } from '../../../src/core/quota/ledger-state.ts';
import { limitStatuses } from '../../../src/core/quota/limit-status.ts';
import type { LimitsDocument } from '../../../src/core/quota/limits.ts';
import { emptyUsage } from '../../../src/core/usage/usage.ts';

const NOON_MS = Date.UTC(2026, 10, 25, 12);
const MIDNIGHT_MS = Date.UTC(2026, 10, 26);

/** An ask of an isolate, for so many calls that wait. */
const askOf = (holder: string, seq: number, calls: number, more: Partial<LeaseRequest> = {}): LeaseRequest => ({
  holder,
  seq,
  reports: [],
  batches: [],
  keepSlots: 0,
  inFlight: 0,
  arrived: calls,
  wanted: { calls, bytes: 0, slots: 0 },
  waiting: { calls: Math.min(calls, 1), bytes: 0 },
  ...more,
});
const done = (id: number, calls: number, bytes = 0) => ({ id, calls, bytes, final: true });

/** A ledger, and a way to ask it at a moment after noon. */
const ledgerOf = (limits: LimitsDocument, startMs = NOON_MS) => {
  const state = createLedger(startMs);
  return { state, ask: (afterMs: number, ask: LeaseRequest) => answerRequest(state, limits, ask, startMs + afterMs) };
};
const daily = (requests: number): LimitsDocument => ({ quotas: [{ period: 'day', requests }] });

describe('answerRequest: quotas', () => {
  it('leases 1 in 100 of what is left, and counts it at once', () => {
    const { state, ask } = ledgerOf(daily(1_000));
    expect(ask(0, askOf('a', 1, 500)).response.lease).toMatchObject({ calls: 10, lastsMs: 1_000 });
    expect(ask(0, askOf('b', 1, 500)).response.lease?.calls).toBe(9);
    expect(state.windows.day.calls).toBe(19);
  });

  it('leases one call when less than 100 are left, and none when none is', () => {
    const { ask } = ledgerOf(daily(2));
    expect(ask(0, askOf('a', 1, 9)).response.lease?.calls).toBe(1);
    expect(ask(0, askOf('b', 1, 9)).response.lease?.calls).toBe(1);
    const { lease, no } = ask(0, askOf('c', 1, 9)).response;
    expect(lease).toBeUndefined();
    expect(no).toEqual({ limit: 'day-requests', holdsMs: 1_000, resetMs: MIDNIGHT_MS - NOON_MS, fromBytes: 0 });
  });

  it('takes back what was not used', () => {
    const { state, ask } = ledgerOf(daily(1_000));
    ask(0, askOf('a', 1, 10));
    ask(500, askOf('a', 2, 0, { reports: [done(1, 4)] }));
    expect(state.windows.day.calls).toBe(4);
  });

  it('names the quota that lasts longest', () => {
    const { ask } = ledgerOf({
      quotas: [
        { period: 'day', requests: 0 },
        { period: 'month', requests: 0 },
        { period: 'week', requests: 0 },
      ],
    });
    expect(ask(0, askOf('a', 1, 1)).response.no?.limit).toBe('month-requests');
  });

  it('ends a lease and a denial at midnight', () => {
    const { ask } = ledgerOf(daily(1), MIDNIGHT_MS - 300);
    expect(ask(0, askOf('a', 1, 1)).response.lease?.lastsMs).toBe(300);
    expect(ask(100, askOf('b', 1, 1)).response.no?.holdsMs).toBe(200);
    expect(ask(300, askOf('b', 2, 1)).response.lease?.calls).toBe(1);
  });

  it('takes nothing back into a window that has begun since', () => {
    const { state, ask } = ledgerOf(daily(1_000), MIDNIGHT_MS - 300);
    ask(0, askOf('a', 1, 10));
    ask(400, askOf('b', 1, 3));
    ask(500, askOf('a', 2, 0, { reports: [done(1, 0)] }));
    expect(state.windows.day.calls).toBe(3);
    expect(state.windows.week.calls).toBe(3);
  });

  it('leases bytes for the smallest call that waits, and says from which size on it cannot', () => {
    const { ask } = ledgerOf({ quotas: [{ period: 'day', payloadBytes: 1_000 }] });
    const waits = (bytes: number) => ({ waiting: { calls: 1, bytes }, wanted: { calls: 1, bytes, slots: 0 } });
    expect(ask(0, askOf('a', 1, 1, waits(700))).response.lease).toMatchObject({ calls: 1, bytes: 700 });
    expect(ask(0, askOf('b', 1, 1, waits(700))).response.no).toMatchObject({ limit: 'day-bytes', fromBytes: 301 });
    expect(ask(0, askOf('b', 2, 1, waits(300))).response.lease?.bytes).toBe(300);
    expect(ask(0, askOf('c', 1, 1, waits(0))).response.no?.fromBytes).toBe(0);
  });
});

describe('answerRequest: rate', () => {
  const limits: LimitsDocument = { rate: { perSecond: 10, burst: 20 } };

  it('leases burst and a part of the coming second, and at once no more than burst', () => {
    const { ask } = ledgerOf(limits);
    expect(ask(0, askOf('a', 1, 100)).response.lease).toMatchObject({ calls: 27, atOnce: 20 });
    expect(ask(0, askOf('b', 1, 100)).response.no).toEqual({ limit: 'rate', holdsMs: 200, resetMs: 50, fromBytes: 0 });
  });

  it('does not fill while what is leased may still be used', () => {
    const { state, ask } = ledgerOf(limits);
    ask(0, askOf('a', 1, 100));
    expect(ask(1_000, askOf('b', 1, 1)).response.no?.limit).toBe('rate');
    ask(1_000, askOf('a', 2, 0, { reports: [done(1, 27)] }));
    expect(state.level).toBe(0.5);
    expect(ask(2_000, askOf('b', 2, 100, { waiting: { calls: 100, bytes: 0 } })).response.lease?.calls).toBe(10);
  });

  it('fills from when the lease of an isolate that died has lapsed, though nobody asked since', () => {
    const { state, ask } = ledgerOf(limits);
    ask(0, askOf('a', 1, 100));
    ask(2_500, askOf('b', 1, 0));
    expect(state.level).toBe(5.5);
  });

  it('shares a short bucket out by what isolates want, and says when the next turn comes', () => {
    const { ask } = ledgerOf(limits);
    ask(0, askOf('a', 1, 90, { wanted: { calls: 10, bytes: 0, slots: 0 } }));
    const { lease, no } = ask(0, askOf('b', 1, 10)).response;
    expect([lease?.calls, no]).toEqual([2, { limit: 'rate', holdsMs: 1_000, resetMs: 0, fromBytes: 0 }]);
  });

  it('spreads the lease of a tenant above its rate, at its rate', () => {
    const { ask } = ledgerOf(limits);
    expect(ask(0, askOf('a', 1, 9)).response.lease).toMatchObject({ calls: 9, atOnce: 9, spreadMs: 0 });
    expect(ask(0, askOf('b', 1, 9)).response.lease).toMatchObject({ calls: 9, atOnce: 9, spreadMs: 0 });
    expect(ask(0, askOf('c', 1, 27)).response.lease).toMatchObject({ calls: 9, atOnce: 9, spreadMs: 0 });
    const short = ledgerOf({ rate: { perSecond: 10, burst: 2 } });
    expect(short.ask(0, askOf('a', 1, 20)).response.lease).toMatchObject({ calls: 9, atOnce: 2, spreadMs: 700 });
  });

  it('counts fractions', () => {
    const { ask } = ledgerOf({ rate: { perSecond: 0.5, burst: 1 } });
    expect(ask(0, askOf('a', 1, 5)).response.lease?.calls).toBe(1);
    expect(ask(500, askOf('a', 2, 5, { reports: [done(1, 1)] })).response.no).toMatchObject({
      resetMs: 1_250,
      holdsMs: 1_000,
    });
    expect(ask(1_750, askOf('a', 3, 5)).response.lease?.calls).toBe(1);
  });
});

describe('answerRequest: concurrency', () => {
  const slots = (count: number, keepSlots = 0): Partial<LeaseRequest> => ({
    keepSlots,
    wanted: { calls: count, bytes: 0, slots: count },
    waiting: { calls: count, bytes: 0 },
  });

  it('gives out as many slots as are free', () => {
    const { ask } = ledgerOf({ concurrency: 5 });
    expect(ask(0, askOf('a', 1, 3, slots(3))).response.slots).toBe(3);
    expect(ask(0, askOf('b', 1, 3, slots(3))).response.slots).toBe(2);
    expect(ask(0, askOf('c', 1, 1, slots(1))).response.no?.limit).toBe('concurrency');
    ask(0, askOf('a', 2, 0, slots(0, 1)));
    expect(ask(0, askOf('c', 2, 3, slots(3))).response.slots).toBe(2);
  });

  it('A5: frees the slot of a lost call by itself, and says when', () => {
    const { state, ask } = ledgerOf({ concurrency: 2 });
    ask(0, askOf('a', 1, 2, slots(2)));
    ask(100, askOf('a', 2, 0, { keepSlots: 2, lost: [{ slots: 1, freeInMs: 9_000 }], slotFreeInMs: 8_500 }));
    // The isolate is never heard again.
    const no = ask(1_100, askOf('b', 1, 1, slots(1))).response.no;
    expect([no?.limit, no?.resetMs]).toEqual(['concurrency', 7_500]);
    expect(ask(9_000, askOf('b', 2, 1, slots(1))).response.no?.limit).toBe('concurrency');
    expect(ask(9_400, askOf('b', 3, 1, slots(1))).response.slots).toBe(1);
    expect(state.slots).toBe(2);
  });

  it('says of running functions when one is likely to end, and of a stored holder of old that it is not known', () => {
    const { state, ask } = ledgerOf({ concurrency: 1 });
    ask(0, askOf('a', 1, 1, { ...slots(1), slotFreeInMs: 4_000 }));
    expect(ask(1_000, askOf('b', 1, 1, slots(1))).response.no?.resetMs).toBe(3_000);
    for (const holder of state.holders.values()) {
      delete holder.lost;
      delete holder.slotFreeAtMs;
    }
    expect(ask(1_500, askOf('b', 2, 1, slots(1))).response.no?.resetMs).toBe(100);
  });

  it('keeps the slots of an isolate that died until its functions cannot run any more', () => {
    const limits: LimitsDocument = { concurrency: 1, maxDurationSeconds: 30 };
    const { state, ask } = ledgerOf(limits);
    ask(0, askOf('a', 1, 1, slots(1)));
    expect(ask(30_900, askOf('b', 1, 1, slots(1))).response.no?.limit).toBe('concurrency');
    expect(ask(31_200, askOf('b', 2, 1, slots(1))).response.slots).toBe(1);
    expect(state.slots).toBe(1);
  });
});

describe('answerRequest: messages', () => {
  const batch = (id: number) => ({
    id,
    use: new Map([['orders', { ...emptyUsage(), forwarded: 2 }]]),
    corrections: [{ atMs: NOON_MS, calls: -1, bytes: 0 }],
  });

  it('answers an ask that comes again as it did, and counts nothing twice', () => {
    const { state, ask } = ledgerOf({ ...daily(1_000), concurrency: 10 });
    const first = { keepSlots: 1, wanted: { calls: 7, bytes: 0, slots: 2 }, batches: [batch(1)] };
    const { response: answer, counted } = ask(0, askOf('a', 1, 7, first));
    const again = ask(200, askOf('a', 1, 7, first));
    expect([answer.lease?.calls, answer.slots, counted.length]).toEqual([7, 1, 1]);
    expect([again.response.lease?.calls, again.response.slots, again.counted.length]).toEqual([7, 1, 0]);
    expect([state.windows.day.calls, state.slots]).toEqual([7, 2]);
  });

  it('gives nothing for an ask that was overtaken by a later one', () => {
    const { state, ask } = ledgerOf(daily(1_000));
    ask(0, askOf('a', 2, 3));
    expect(ask(0, askOf('a', 1, 5)).response.lease).toBeUndefined();
    expect(state.windows.day.calls).toBe(3);
  });

  it('counts a batch once, however often it is sent', () => {
    const { ask } = ledgerOf(daily(1_000));
    expect(ask(0, askOf('a', 1, 0, { batches: [batch(1)] })).counted.map(({ id }) => id)).toEqual([1]);
    expect(ask(0, askOf('a', 3, 0, { batches: [batch(1), batch(3)] })).counted.map(({ id }) => id)).toEqual([3]);
  });

  it('does not believe that more was used, or less, than can be', () => {
    const { state, ask } = ledgerOf(daily(1_000));
    ask(0, askOf('a', 1, 10));
    ask(0, askOf('a', 2, 0, { reports: [{ ...done(1, 8), final: false }] }));
    ask(0, askOf('a', 3, 0, { reports: [done(1, -5)] }));
    expect(state.windows.day.calls).toBe(8);
    ask(0, askOf('b', 1, 5));
    ask(0, askOf('b', 2, 0, { reports: [done(1, 99)] }));
    expect(state.windows.day.calls).toBe(13);
  });
});

describe('advanceLedger', () => {
  it('names calls of a lapsed lease as unsettled, writes them off, and forgets the isolate', () => {
    const limits = daily(1_000);
    const { state, ask } = ledgerOf(limits);
    ask(0, askOf('a', 1, 10));
    ask(500, askOf('a', 2, 0, { reports: [{ ...done(1, 4), final: false }], inFlight: 3 }));
    expect(unsettledCalls(state, NOON_MS + 1_500)).toBe(0);
    expect(unsettledCalls(state, NOON_MS + 2_500)).toBe(6 + 3);
    expect(advanceLedger(state, limits, NOON_MS + 1_000 + WRITTEN_OFF_MS).writtenOff).toBe(6);
    expect(advanceLedger(state, limits, NOON_MS + 500 + FORGOTTEN_MS).writtenOff).toBe(3);
    expect(state.holders.size).toBe(0);
    expect(state.windows.day.calls).toBe(10);
  });

  it('keeps its time when the clock steps back', () => {
    const { state, ask } = ledgerOf(daily(10), MIDNIGHT_MS);
    ask(0, askOf('a', 1, 1));
    advanceLedger(state, daily(10), MIDNIGHT_MS - 60_000);
    expect([state.atMs, state.windows.day.calls]).toEqual([MIDNIGHT_MS, 1]);
  });
});

describe('restoreLedger', () => {
  it('puts a ledger together again from what is stored', () => {
    const limits: LimitsDocument = { ...daily(1_000), rate: { perSecond: 10, burst: 20 }, concurrency: 40 };
    const { state, ask } = ledgerOf(limits);
    ask(0, askOf('a', 1, 10, { wanted: { calls: 10, bytes: 0, slots: 3 } }));
    ask(100, askOf('b', 1, 5));
    const { atMs, level, demand, windows, holders } = structuredClone(state);
    const restored = restoreLedger({ atMs, level, demand, windows }, holders);
    expect(restored).toEqual({ ...state, sweepAtMs: restored.sweepAtMs });
  });
});

describe('limitStatuses', () => {
  it('says what is neither used nor leased, and when it is full again', () => {
    const limits: LimitsDocument = { ...daily(1_000), rate: { perSecond: 10, burst: 20 }, concurrency: 5 };
    const { state, ask } = ledgerOf(limits);
    ask(0, askOf('a', 1, 10, { wanted: { calls: 10, bytes: 0, slots: 2 }, waiting: { calls: 2, bytes: 0 } }));
    expect(limitStatuses(state, limits)).toEqual([
      { limit: 'rate', quota: 20, remaining: 17, windowMs: 2_000, resetMs: 250 },
      { limit: 'concurrency', quota: 5, remaining: 3 },
      { limit: 'day-requests', quota: 1_000, remaining: 990, windowMs: 86_400_000, resetMs: MIDNIGHT_MS - NOON_MS },
    ]);
  });
});
