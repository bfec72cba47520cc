import { fieldsOf } from '../../../src/core/quota/lease-holder.ts';
import type { LeaseRequest, LeaseResponse } from '../../../src/core/quota/lease-protocol.ts';
import type { Answered } from '../../../src/core/quota/ledger.ts';
import type { LedgerState } from '../../../src/core/quota/ledger-state.ts';
import type { LimitsDocument } from '../../../src/core/quota/limits.ts';
import type { SubLedger } from '../../support/quota/sub-ledger.ts';
import { RULES, type Rules } from '../../support/quota/world.ts';

/** A ledger that does something before it answers as it should. */
const before = (spoil: (state: LedgerState, ask: LeaseRequest, nowMs: number) => void): Partial<Rules> => ({
  answerRequest: (state, limits, ask, nowMs) => {
    spoil(state, ask, nowMs);
    return RULES.answerRequest(state, limits, ask, nowMs);
  },
});

/** A sub-ledger that does something before it answers as it should. */
const beforeSub = (spoil: (sub: SubLedger, ask: LeaseRequest) => void): Partial<Rules> => ({
  askSubLedger: (sub, ask, nowMs) => {
    spoil(sub, ask);
    return RULES.askSubLedger(sub, ask, nowMs);
  },
});

/** A ledger that does something to its answer. */
const after = (
  spoil: (outcome: Answered, state: LedgerState, limits: LimitsDocument, ask: LeaseRequest) => LeaseResponse,
): Partial<Rules> => ({
  answerRequest: (state, limits, ask, nowMs) => {
    const outcome = RULES.answerRequest(state, limits, ask, nowMs);
    return { ...outcome, response: spoil(outcome, state, limits, ask) };
  },
});

/** Rules that break a promise, each by what it does wrong. */
export const BROKEN = {
  'a settled lease is credited twice': before((state, ask) => {
    for (const { id, calls, final } of ask.reports) {
      const lease = state.holders.get(ask.holder)?.leases.find((open) => open.id === id);
      if (lease && final && ask.seq > (state.holders.get(ask.holder)?.seq ?? 0)) {
        for (const window of Object.values(state.windows)) window.calls -= lease.calls - calls;
      }
    }
  }),

  'a lease lasts 10 seconds': after(({ response }) =>
    response.lease ? { ...response, lease: { ...response.lease, lastsMs: 10_000 } } : response,
  ),

  'a denial holds 3 seconds': after(({ response }) =>
    response.no ? { ...response, no: { ...response.no, holdsMs: 3_000 } } : response,
  ),

  'an isolate takes an answer that comes late': {
    applyResponse: (holder, response, nowMs) => {
      const { sent, leases } = fieldsOf(holder);
      if (sent?.seq === response.seq || !response.lease) return RULES.applyResponse(holder, response, nowMs);
      const { lastsMs, ...lease } = response.lease;
      const used = { usedCalls: 0, usedBytes: 0, closed: false };
      leases.push({ ...lease, ...used, id: response.seq, askedAtMs: nowMs, endsAtMs: nowMs + lastsMs });
      return true;
    },
  },

  'a call that Lambda throttled is given back twice': {
    giveBack: (holder, ticket, nowMs) => {
      RULES.giveBack(holder, ticket, nowMs);
      RULES.giveBack(holder, ticket, nowMs);
    },
  },

  'a mistake costs a unit of the quotas': {
    cancelCall: (holder, limits, ticket, nowMs) => {
      fieldsOf(holder).inFlight -= 1;
      RULES.endCall(holder, limits, ticket, nowMs);
    },
  },

  'a mistake gives back what it was not charged': {
    chargeRate: (holder, nowMs) => {
      const ticket = { countedAtMs: nowMs, bytes: 0, slot: 0 };
      RULES.giveBack(holder, ticket, nowMs);
      return RULES.chargeRate(holder, nowMs);
    },
  },

  'a restart forgets what was leased': {
    restoreLedger: (stored, holders) => {
      const fresh = RULES.createLedger(stored.atMs);
      return RULES.restoreLedger({ ...stored, windows: fresh.windows }, holders);
    },
  },

  'the bucket fills up while its tokens are leased': before((state) => {
    state.outstanding = 0;
  }),

  'a restart fills the bucket': {
    restoreLedger: (stored, holders) => RULES.restoreLedger({ ...stored, level: null }, holders),
  },

  'an ask that comes again is answered as a new one': before((state, ask) => {
    const holder = state.holders.get(ask.holder);
    if (holder) holder.seq = Math.min(holder.seq, ask.seq - 1);
  }),

  'an isolate forgets an ask that was lost': {
    abandonRequest: (holder) => {
      delete fieldsOf(holder).sent;
    },
  },

  'an isolate never settles by itself': { nextFlushAtMs: () => undefined },

  'a batch is counted whenever it comes': before((state, ask) => {
    const holder = state.holders.get(ask.holder);
    if (holder) holder.batch = 0;
  }),

  'an isolate drops its batches when they are sent': {
    abandonRequest: (holder) => {
      RULES.abandonRequest(holder);
      fieldsOf(holder).batches = [];
    },
  },

  'a lease is a tenth of what is left': after(({ response }, state, limits, ask) => {
    const { lease } = response;
    const open = state.holders.get(ask.holder)?.leases.find(({ id }) => id === ask.seq);
    const most = Math.min(
      ...(limits.quotas ?? []).map(({ period, requests = 0 }) => requests - state.windows[period].calls),
    );
    const more = Math.floor(most / 10);
    if (!lease || !open || more < 1 || ask.seq < (state.holders.get(ask.holder)?.seq ?? 0)) return response;
    for (const window of Object.values(state.windows)) window.calls += more;
    Object.assign(open, { calls: open.calls + more });
    return { ...response, lease: { ...lease, calls: lease.calls + more } };
  }),

  'a caller that leaves frees its slot': { callerLeft: RULES.endCall },

  'a call without an answer frees its slot': {
    loseCall: (holder, ticket, nowMs) => RULES.endCall(holder, {}, ticket, nowMs),
  },

  'a call without an answer holds its slot for as long as a function may run': { loseCall: () => {} },

  'the ledger frees the slots of calls without an answer as soon as it hears of them': before((state) => {
    for (const holder of state.holders.values()) {
      for (const { slots } of holder.lost ?? []) {
        state.slots -= slots;
        holder.slots -= slots;
      }
      holder.lost = [];
    }
  }),

  'a call that never started keeps its slot': {
    takeBackCall: (holder, _limits, ticket, nowMs) => RULES.giveBack(holder, ticket, nowMs),
  },

  'a call that never started is charged': {
    takeBackCall: (holder, limits, ticket, nowMs) => RULES.endCall(holder, limits, ticket, nowMs),
  },

  'slots of an isolate that is silent are free after 2 seconds': before((state, _ask, nowMs) => {
    for (const holder of state.holders.values()) {
      if (holder.slots > 0 && nowMs > holder.seenAtMs + 2_000) holder.slotsUntilMs = 0;
    }
  }),

  'a restart forgets the slots': {
    restoreLedger: (stored, holders) => {
      const state = RULES.restoreLedger(stored, holders);
      for (const holder of state.holders.values()) holder.slots = 0;
      state.slots = 0;
      return state;
    },
  },

  'an isolate asks behind every call': { wantsRenewal: () => true },

  'a lease is of one call': {
    buildRequest: (holder, limits, purpose, nowMs) => {
      const ask = RULES.buildRequest(holder, limits, purpose, nowMs);
      return { ...ask, wanted: { ...ask.wanted, calls: Math.min(1, ask.wanted.calls) } };
    },
  },

  'a region leases on for a second, whatever it has': {
    askSubLedger: (sub, ask, nowMs) => {
      const response = RULES.askSubLedger(sub, ask, nowMs);
      return response?.lease ? { ...response, lease: { ...response.lease, lastsMs: 1_000 } } : response;
    },
  },

  'a region leases the same calls on twice': beforeSub((sub) => {
    for (const lease of fieldsOf(sub.holder).leases) lease.usedCalls = Math.floor(lease.usedCalls / 2);
  }),

  'a region returns what isolates may still use': {
    buildSubLedgerRequest: (sub, limits, waiting, nowMs) => {
      const ask = RULES.buildSubLedgerRequest(sub, limits, waiting, nowMs);
      return { ...ask, reports: ask.reports.map((report) => ({ ...report, calls: 0, final: true })) };
    },
  },

  'a region answers an ask that comes again as a new one': beforeSub((sub, ask) => {
    const child = sub.children.get(ask.holder);
    if (child) child.seq = Math.min(child.seq, ask.seq - 1);
  }),

  'a region passes a batch on whenever it comes': beforeSub((sub, ask) => {
    const child = sub.children.get(ask.holder);
    if (child) child.batch = 0;
  }),
} satisfies Record<string, Partial<Rules>>;

export type BrokenRule = keyof typeof BROKEN;
