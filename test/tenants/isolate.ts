import { expect, vi } from 'vitest';
import type { TenantId } from '../../src/core/identity/ids.ts';
import type { LeaseRequest } from '../../src/core/quota/lease-protocol.ts';
import { answerRequest, unsettledCalls } from '../../src/core/quota/ledger.ts';
import { createLedger } from '../../src/core/quota/ledger-state.ts';
import { limitStatuses } from '../../src/core/quota/limit-status.ts';
import type { LimitsDocument } from '../../src/core/quota/limits.ts';
import type { TenantAnswer, TenantSnapshot } from '../../src/core/tenancy/snapshot.ts';
import type { Reservation } from '../../src/tenants/tenant-handle.ts';
import { createTenants } from '../../src/tenants/tenants.ts';

export const ID = 't1' as TenantId;
export const NOON = Date.UTC(2026, 10, 23, 12);

/** A tenant whose live keys have these names. */
export const snapshot = (keys: readonly string[], limits: LimitsDocument = {}): TenantSnapshot => ({
  exists: true,
  status: 'active',
  policy: { allow: [] },
  limits,
  upstream: {},
  meterDuration: false,
  issuers: [],
  keys: Object.fromEntries(keys.map((key) => [key, null])),
});

/** Advances the clock, which the test has faked. */
export const pass = (ms: number) => vi.advanceTimersByTimeAsync(ms);

interface Question {
  readonly answer: (value: TenantAnswer) => void;
  readonly fail: (error: Error) => void;
  readonly request: LeaseRequest;
}

/** An isolate whose object answers what the test says, when the test says so. */
export function byHand() {
  const questions: Question[] = [];
  const kept: Promise<unknown>[] = [];
  let revision = 0;
  const tenants = createTenants({
    ask(_, request) {
      const { promise, resolve, reject } = Promise.withResolvers<TenantAnswer>();
      questions.push({ answer: resolve, fail: reject, request });
      return promise;
    },
    now: Date.now,
  });
  const open = () => tenants.open(ID, (promise) => kept.push(promise));
  return {
    questions,
    kept,
    /** What a call that comes now knows of the tenant, and asks ahead. */
    call() {
      const tenant = open();
      const known = tenant.peek();
      tenant.prefetch();
      return known;
    },
    load: () => open().load(0),
    invalidate: () => tenants.invalidate(ID),
    /** Answers a question with a tenant whose one key has this name. */
    async answer(index: number, key: string) {
      const { request, answer } = questions[index] ?? {};
      revision += 1;
      answer?.({ revision, snapshot: snapshot([key]), ledger: { seq: request?.seq ?? 0, slots: 0, standings: [] } });
      await pass(0);
    },
  };
}

/** An isolate some milliseconds away from a real ledger, which can be cut off. */
export function withLedger(limits: LimitsDocument) {
  const ledger = createLedger(Date.now());
  const requests: LeaseRequest[] = [];
  const keysTold: ReadonlyMap<string, number>[] = [];
  const object = { lost: false, delayMs: 10 };
  const travel = () => new Promise((passed) => setTimeout(passed, object.delayMs / 2));
  const tenants = createTenants({
    async ask(_, request, revision, keysUsed) {
      requests.push(request);
      if (object.lost) throw new Error('lost');
      keysTold.push(keysUsed);
      await travel();
      const { response } = answerRequest(ledger, limits, request, Date.now());
      await travel();
      return { revision: 1, ...(revision !== 1 && { snapshot: snapshot(['a'], limits) }), ledger: response };
    },
    now: Date.now,
  });
  const open = (id = ID) => tenants.open(id, () => {});
  const start = (bytes = 2, left?: () => AbortSignal) => open().reserve(bytes, left);
  return {
    tenants,
    requests,
    keysTold,
    object,
    open,
    start,
    async load() {
      const loading = open().load(2);
      await pass(object.delayMs);
      expect((await loading)?.exists).toBe(true);
    },
    /** Reserves for this many calls at once, and says what became of each. */
    async reserve(calls: number, waitMs = 2_000) {
      const reserving = Promise.all(Array.from({ length: calls }, () => start()));
      await pass(waitMs);
      const reservations: Reservation[] = [];
      const refusals: string[] = [];
      for (const one of await reserving) one.ok ? reservations.push(one.value) : refusals.push(one.error.reason);
      return { reservations, refusals };
    },
    used: () => ledger.windows.day.calls,
    remaining: () => limitStatuses(ledger, limits)[0]?.remaining,
    unsettled: () => unsettledCalls(ledger, Date.now()),
  };
}
