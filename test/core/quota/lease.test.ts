import { describe, expect, it } from 'vitest';
import { emptyLease } from '../../../src/core/quota/held-lease.ts';
import {
  type Admission,
  abandonRequest,
  admit,
  admitUncounted,
  applyResponse,
  buildRequest,
  cancelCall,
  chargeRate,
  countArrival,
  endCall,
  giveBack,
  loseCall,
  nextFlushAtMs,
  peekDenial,
  recordUsage,
  type Ticket,
  takeBackCall,
  wantsRenewal,
} from '../../../src/core/quota/lease.ts';
import { createLeaseHolder, fieldsOf, type LeaseHolder } from '../../../src/core/quota/lease-holder.ts';
import type { LeaseResponse } from '../../../src/core/quota/lease-protocol.ts';
import type { LimitsDocument } from '../../../src/core/quota/limits.ts';

const LIMITS: LimitsDocument = { quotas: [{ period: 'day', requests: 1_000 }] };
const GRANTED_MS = 777_000;

const answerOf = (seq: number, calls: number, more: Partial<LeaseResponse> = {}): LeaseResponse => ({
  seq,
  lease: { calls, atOnce: calls, spreadMs: 0, lastsMs: 1_000, grantedAtMs: GRANTED_MS },
  slots: 0,
  standings: [],
  ...more,
});

/** A holder that asked at 0 and holds a lease since 50. */
const bookWith = (calls: number, more: Partial<LeaseResponse> = {}, limits = LIMITS): LeaseHolder => {
  const holder = createLeaseHolder('isolate', 0);
  buildRequest(holder, limits, { waiting: { calls: 1, bytes: 0 } }, 0);
  applyResponse(holder, answerOf(1, calls, more), 50);
  return holder;
};
const kinds = (...admissions: Admission[]) => admissions.map(({ kind }) => kind);
const ticketOf = (admission: Admission): Ticket => {
  if (admission.kind !== 'admitted') throw new Error(admission.kind);
  return admission.ticket;
};

describe('admit', () => {
  it('admits as many calls as are leased, up to the end of the lease', () => {
    const holder = bookWith(2);
    expect(kinds(admit(holder, LIMITS, 0, 50), admit(holder, LIMITS, 0, 999), admit(holder, LIMITS, 0, 999))).toEqual([
      'admitted',
      'admitted',
      'ask',
    ]);
    expect(admit(bookWith(2), LIMITS, 0, 1_000).kind).toBe('ask');
  });

  it('asks for a call that is larger than what is leased', () => {
    const holder = bookWith(5, {
      lease: { calls: 5, atOnce: 5, spreadMs: 0, bytes: 100, lastsMs: 1_000, grantedAtMs: 0 },
    });
    expect(kinds(admit(holder, LIMITS, 60, 50), admit(holder, LIMITS, 60, 50), admit(holder, LIMITS, 40, 50))).toEqual([
      'admitted',
      'ask',
      'admitted',
    ]);
  });

  it('spreads what is not for at once over the lease', () => {
    const holder = bookWith(11, { lease: { calls: 11, atOnce: 1, spreadMs: 1_000, lastsMs: 1_000, grantedAtMs: 0 } });
    expect(admit(holder, LIMITS, 0, 50).kind).toBe('admitted');
    expect(admit(holder, LIMITS, 0, 60)).toEqual({ kind: 'refused', limit: 'rate', retryAfterMs: 101 });
    expect(admit(holder, LIMITS, 0, 100).kind).toBe('admitted');
  });

  it('refuses for as long as a denial holds, from when the isolate asked', () => {
    const no = { limit: 'day-requests', holdsMs: 400, resetMs: 9_000, fromBytes: 10 } as const;
    const { lease: _, ...rest } = answerOf(1, 0, { no });
    const holder = createLeaseHolder('isolate', 0);
    buildRequest(holder, LIMITS, { waiting: { calls: 1, bytes: 10 } }, 0);
    applyResponse(holder, rest, 50);
    expect(admit(holder, LIMITS, 10, 399)).toEqual({ kind: 'refused', limit: 'day-requests', retryAfterMs: 8_601 });
    expect(peekDenial(holder, 10, 399)).toMatchObject({ kind: 'refused', limit: 'day-requests' });
    expect(kinds(admit(holder, LIMITS, 9, 399), admit(holder, LIMITS, 10, 400))).toEqual(['ask', 'ask']);
    expect([peekDenial(holder, 9, 399), peekDenial(holder, 10, 400)]).toEqual([undefined, undefined]);
  });

  it('admits into free slots only, and frees one when its function ends', () => {
    const limits: LimitsDocument = { concurrency: 40 };
    const holder = bookWith(9, { slots: 1 }, limits);
    const ticket = ticketOf(admit(holder, limits, 0, 50));
    expect(admit(holder, limits, 0, 60).kind).toBe('ask');
    endCall(holder, limits, ticket, 60);
    endCall(holder, limits, ticket, 60);
    expect(kinds(admit(holder, limits, 0, 70), admit(holder, limits, 0, 70))).toEqual(['admitted', 'ask']);
  });

  it('hands a slot of a small concurrency back at its end', () => {
    const limits: LimitsDocument = { concurrency: 5 };
    const holder = bookWith(9, { slots: 1 }, limits);
    endCall(holder, limits, ticketOf(admit(holder, limits, 0, 50)), 55);
    expect(admit(holder, limits, 0, 60).kind).toBe('ask');
    expect(nextFlushAtMs(holder)).toBe(0);
  });

  it('keeps the slot of a function whose end was not seen until it cannot run any more', () => {
    const limits: LimitsDocument = { concurrency: 40, maxDurationSeconds: 3 };
    const holder = bookWith(9, { slots: 1 }, limits);
    admit(holder, limits, 0, 50);
    expect(buildRequest(holder, limits, 'flush', 3_049).keepSlots).toBe(1);
    abandonRequest(holder);
    expect(buildRequest(holder, limits, 'flush', 3_050).keepSlots).toBe(0);
  });
});

describe('A5: loseCall', () => {
  const limits: LimitsDocument = { concurrency: 5, maxDurationSeconds: 60 };
  /** A holder in which a call started at 50 has been lost at 100, after one that took this long. */
  const lostBehind = (tookMs: number | undefined, own = limits) => {
    const holder = bookWith(9, { slots: 2 }, own);
    const first = ticketOf(admit(holder, own, 0, 50));
    if (tookMs !== undefined) endCall(holder, own, first, 50 + tookMs);
    fieldsOf(holder).slots.granted = 2;
    loseCall(holder, tookMs === undefined ? first : ticketOf(admit(holder, own, 0, 50)), 100);
    return holder;
  };
  const freesAt = (holder: LeaseHolder, own = limits) => {
    let atMs = 0;
    while (buildRequest(structuredClone(holder), own, 'flush', atMs).keepSlots > 0) atMs += 50;
    return atMs;
  };

  it('holds its slot for 10 s from when it was lost, and says to the ledger when it comes free', () => {
    const holder = lostBehind(undefined);
    expect(nextFlushAtMs(holder)).toBeLessThanOrEqual(10_100);
    expect(buildRequest(structuredClone(holder), limits, 'flush', 1_100)).toMatchObject({
      lost: [{ slots: 1, freeInMs: 9_000 }],
      slotFreeInMs: 9_000,
    });
    expect(freesAt(holder)).toBe(10_100);
  });

  it('holds it for as long as the longest of the recent calls took, and never beyond maxDurationSeconds', () => {
    expect(freesAt(lostBehind(25_000))).toBe(25_050);
    expect(freesAt(lostBehind(2_000))).toBe(10_100);
    expect(freesAt(lostBehind(70_000))).toBe(60_050);
    const short = { concurrency: 40, maxDurationSeconds: 3 };
    expect(freesAt(lostBehind(undefined, short), short)).toBe(3_050);
  });

  it('forgets how long calls once took', () => {
    const holder = lostBehind(50_000);
    const laterMs = 1_200_000; // two times ten minutes: a seventh is left
    const { slots, leases } = fieldsOf(holder);
    slots.granted = 2; // one comes free with the lost call
    slots.endsAtMs = laterMs + 1;
    leases.push({ ...emptyLease(9, laterMs), ...answerOf(9, 1).lease, endsAtMs: laterMs + 1_000 });
    loseCall(holder, ticketOf(admit(holder, limits, 0, laterMs)), laterMs);
    expect([...slots.lost.values()].at(-1)).toBe(laterMs + 10_000);
  });

  it('gives slot and charge of a call that never started back at once', () => {
    const holder = bookWith(9, { slots: 1 }, limits);
    takeBackCall(holder, limits, ticketOf(admit(holder, limits, 7, 50)), 60);
    const { slots, corrections } = fieldsOf(holder);
    expect([slots.running.size, slots.granted, corrections]).toEqual([
      0,
      0,
      [{ atMs: GRANTED_MS, calls: -1, bytes: -7 }],
    ]);
  });
});

describe('buildRequest', () => {
  it('reports what was used, and closes what is over', () => {
    const holder = bookWith(5);
    admit(holder, LIMITS, 7, 50);
    expect(buildRequest(holder, LIMITS, 'ahead', 900).reports).toEqual([{ id: 1, calls: 1, bytes: 7, final: false }]);
    applyResponse(holder, answerOf(2, 5), 950);
    expect(buildRequest(holder, LIMITS, 'flush', 1_000).reports).toMatchObject([
      { id: 1, final: true },
      { id: 2, final: false },
    ]);
  });

  it('gives everything back when calls wait that it is no use to', () => {
    const holder = bookWith(5);
    expect(buildRequest(holder, LIMITS, { waiting: { calls: 2, bytes: 0 } }, 100).reports).toMatchObject([
      { id: 1, final: true },
    ]);
    expect(admit(holder, LIMITS, 0, 100).kind).toBe('ask');
  });

  it('wants as many calls as came of late in a second, and a quarter more', () => {
    const holder = createLeaseHolder('isolate', 0);
    countArrival(holder, 10);
    expect(buildRequest(holder, LIMITS, { waiting: { calls: 1, bytes: 10 } }, 1).wanted.calls).toBe(1);
    let wanted = { calls: 0, bytes: 0 };
    for (let nowMs = 500; nowMs <= 10_000; nowMs += 500) {
      abandonRequest(holder);
      for (let index = 0; index < 40; index += 1) countArrival(holder, 10);
      wanted = buildRequest(holder, LIMITS, 'ahead', nowMs).wanted;
    }
    expect(wanted).toMatchObject({ calls: 99, bytes: 1_000 });
    abandonRequest(holder);
    expect(buildRequest(holder, LIMITS, 'flush', 10_100).wanted.calls).toBe(0);
  });

  it('sends a batch until it is acknowledged, with its number', () => {
    const holder = bookWith(5);
    recordUsage(holder, 'orders', { calls: 1, forwarded: 1 }, 100);
    const ids = (nowMs: number) => buildRequest(holder, LIMITS, 'flush', nowMs).batches.map(({ id }) => id);
    expect(ids(1_100)).toEqual([2]);
    abandonRequest(holder);
    recordUsage(holder, 'orders', { calls: 1, forwarded: 1 }, 3_000);
    expect(ids(4_000)).toEqual([2, 3]);
    applyResponse(holder, answerOf(3, 0), 4_050);
    expect(ids(5_000)).toEqual([]);
  });
});

describe('applyResponse', () => {
  it('takes an answer once', () => {
    const holder = createLeaseHolder('isolate', 0);
    buildRequest(holder, LIMITS, 'ahead', 0);
    expect([applyResponse(holder, answerOf(1, 1), 50), applyResponse(holder, answerOf(1, 1), 60)]).toEqual([
      true,
      false,
    ]);
    expect(kinds(admit(holder, LIMITS, 0, 70), admit(holder, LIMITS, 0, 70))).toEqual(['admitted', 'ask']);
  });

  it('takes nothing from an answer to an ask that was given up, and gives its lease back', () => {
    const holder = createLeaseHolder('isolate', 0);
    buildRequest(holder, LIMITS, 'ahead', 0);
    abandonRequest(holder);
    expect(applyResponse(holder, answerOf(1, 9), 2_100)).toBe(false);
    expect(admit(holder, LIMITS, 0, 2_100).kind).toBe('ask');
    expect(buildRequest(holder, LIMITS, 'ahead', 2_200).reports).toEqual([{ id: 1, calls: 0, bytes: 0, final: true }]);
    expect(applyResponse(holder, answerOf(1, 9), 2_300)).toBe(false);
  });

  it('counts the time of a lease from the moment of the ask', () => {
    const holder = createLeaseHolder('isolate', 0);
    buildRequest(holder, LIMITS, 'ahead', 0);
    applyResponse(holder, answerOf(1, 9), 1_200);
    expect(admit(holder, LIMITS, 0, 1_200).kind).toBe('ask');
  });
});

describe('wantsRenewal', () => {
  it('renews a lease that grows old or short, and not one of a few calls', () => {
    expect([wantsRenewal(bookWith(8), LIMITS, 799), wantsRenewal(bookWith(8), LIMITS, 800)]).toEqual([false, true]);
    expect(wantsRenewal(bookWith(3), LIMITS, 900)).toBe(false);
    const holder = bookWith(8);
    const wants = Array.from({ length: 7 }, () => {
      admit(holder, LIMITS, 0, 100);
      return wantsRenewal(holder, LIMITS, 100);
    });
    expect(wants).toEqual([false, false, false, false, false, false, true]);
  });
});

describe('giveBack, cancelCall and admitUncounted', () => {
  it('correct the count of the moment at which the call was counted', () => {
    const holder = bookWith(5);
    giveBack(holder, ticketOf(admit(holder, LIMITS, 10, 60)), 70);
    cancelCall(holder, LIMITS, ticketOf(admit(holder, LIMITS, 20, 60)), 80);
    const uncounted = admitUncounted(holder, LIMITS, 30, 90);
    giveBack(holder, uncounted, 95);
    expect(buildRequest(holder, LIMITS, 'flush', 1_000).batches[0]?.corrections).toEqual([
      { atMs: GRANTED_MS, calls: -2, bytes: -30 },
      { atMs: 90, calls: 0, bytes: 0 },
    ]);
  });
});

describe('nextFlushAtMs', () => {
  it('is due at the end of a lease, a second after use came up, and never when nothing is owed', () => {
    expect(nextFlushAtMs(createLeaseHolder('isolate', 0))).toBeUndefined();
    const holder = bookWith(5);
    expect(nextFlushAtMs(holder)).toBe(1_000);
    buildRequest(holder, LIMITS, 'flush', 1_000);
    const { lease: _, ...nothing } = answerOf(2, 0);
    applyResponse(holder, nothing, 1_050);
    expect(nextFlushAtMs(holder)).toBeUndefined();
    recordUsage(holder, 'orders', { calls: 1 }, 5_000);
    expect(nextFlushAtMs(holder)).toBe(6_000);
  });
});

describe('chargeRate', () => {
  const no = { limit: 'rate', holdsMs: 500, resetMs: 900, fromBytes: 0 } as const;

  it('A8: takes a call of a lease and gives its unit of the quotas back, in the window that it was taken from', () => {
    const holder = bookWith(2);
    expect([chargeRate(holder, 60), chargeRate(holder, 60), chargeRate(holder, 60)].map(({ kind }) => kind)).toEqual([
      'charged',
      'charged',
      'ask',
    ]);
    expect(admit(holder, LIMITS, 0, 60).kind).toBe('ask');
    const { reports, batches, keepSlots, inFlight } = buildRequest(holder, LIMITS, 'flush', 70);
    expect(reports).toEqual([{ id: 1, calls: 2, bytes: 0, final: true }]);
    expect(batches[0]?.corrections).toEqual([{ atMs: GRANTED_MS, calls: -2, bytes: 0 }]);
    expect([keepSlots, inFlight]).toEqual([0, 0]);
  });

  it('A8: is refused while the rate is used up, whatever the slots are', () => {
    expect(chargeRate(bookWith(0, { no }), 60)).toEqual({ kind: 'refused', limit: 'rate', retryAfterMs: 840 });
    const slots = { ...no, limit: 'concurrency' } as const;
    expect(chargeRate(bookWith(0, { no: slots }), 60).kind).toBe('ask');
    expect(chargeRate(bookWith(0, { no: { ...no, limit: 'day-bytes', fromBytes: 9 } }), 60).kind).toBe('ask');
    expect(chargeRate(bookWith(0, { no }), 600).kind).toBe('ask');
  });

  it('A8: keeps the pace of a tenant above its rate', () => {
    const lease = { calls: 3, atOnce: 1, spreadMs: 1_000, lastsMs: 1_000, grantedAtMs: 0 };
    const holder = bookWith(0, { lease });
    expect(chargeRate(holder, 50).kind).toBe('charged');
    expect(chargeRate(holder, 50)).toEqual({ kind: 'refused', limit: 'rate', retryAfterMs: 501 });
    expect(chargeRate(holder, 600).kind).toBe('charged');
  });
});
