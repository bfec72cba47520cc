import type { KeyId, TenantId } from '../core/identity/ids.ts';
import { compilePolicy, type Policy } from '../core/policy/policy.ts';
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
  hasLease,
  isFlushed,
  loseCall,
  nextFlushAtMs,
  type Purpose,
  peekDenial,
  recordUsage,
  releaseIdleSlots,
  type Ticket,
  takeBackCall,
  wantsRenewal,
} from '../core/quota/lease.ts';
import { createLeaseHolder, emptyLeaseHolder, type LeaseHolder } from '../core/quota/lease-holder.ts';
import type { LeaseRequest } from '../core/quota/lease-protocol.ts';
import { DEFAULT_SERVE_SECONDS, isCounted, type LimitsDocument } from '../core/quota/limits.ts';
import { type Refusal, refuse, refuseLeft, refuseLimit } from '../core/refusal.ts';
import { err, ok, type Result } from '../core/result.ts';
import type { LiveTenant, TenantAnswer, TenantSnapshot } from '../core/tenancy/snapshot.ts';
import { StateError } from '../core/tenancy/state-error.ts';
import type { Usage } from '../core/usage/usage.ts';
import { type AddressCheck, compileRanges } from '../edge/address-ranges.ts';
import { TimeoutError, within } from '../edge/deadline.ts';
import type { OnFailure } from '../edge/failure-log.ts';
import type { WaitUntil } from '../edge/wait-until.ts';
import { writeRateLimit } from './rate-limit-headers.ts';
import { createUnprovedCounts } from './unproved-counts.ts';

/** A snapshot is served without a question for so long... */
export const FRESH_MS = 1_000;
/** ...and for so long while a question is under way: less than the 5 s within which a revocation holds everywhere. */
const MAX_AGE_MS = 4_000;
/** An ask without an answer for so long is lost: whoever sent it may be gone, and its promise with it. */
const ASK_TIMEOUT_MS = 2_000;
/** A call waits for its place no longer than this, though answers come: they go to calls before it. */
const RESERVE_TIMEOUT_MS = 5_000;
/** Tenants that an isolate remembers; the longest unasked goes first. */
const MAX_TENANTS = 10_000;
/** A tenant that has not called for so long, and of which nothing is owed, is forgotten. */
const IDLE_MS = 60_000;
/** How many of the longest unasked are looked at when a new tenant comes: more than one, so that the idle ones run out. */
const LOOKED_AT = 3;
/** The platform keeps what is under `waitUntil` alive for 30 s (Workers limits); whoever settles stops before that. */
const SETTLER_LIFE_MS = 20_000;
const SETTLE_AGAIN_MS = 1_000;
/** An object that fails is left alone for a while, and each time for longer: no call of the meantime asks it. */
const MIN_BACKOFF_MS = 50;
const MAX_BACKOFF_MS = 1_000;

/** An ask that was under way may have been for something else: then there is one more. */
const MAX_CHARGE_ASKS = 2;

/** Asks a tenant's object: for a lease, and for the tenant as it is if that is not the known revision. */
export type AskTenant = (
  tenantId: TenantId,
  ask: LeaseRequest,
  knownRevision: number,
  /** Keys that were used since the last ask, and when. */
  keysUsed: ReadonlyMap<KeyId, number>,
) => Promise<TenantAnswer>;

/** What is left where an ask failed. */
export interface AfterFailure {
  /** Asks for the tenant alone, by a way that writes nothing: it answers on a full disk. */
  readonly look: (tenantId: TenantId, knownRevision: number) => Promise<TenantAnswer>;
  /** Called with the cause of each failed ask or look. */
  readonly onFailure: OnFailure;
}

/** A tenant as its calls need it. */
export type KnownTenant =
  | { readonly exists: false }
  | (Omit<LiveTenant, 'policy'> & {
      readonly policy: Policy;
      /** Absent: the tenant names no ranges. */
      readonly isAddressAllowed: AddressCheck | undefined;
    });

/** A call's place under its tenant's limits. */
export interface Reservation {
  /** Served though it could not be counted yet. */
  readonly uncounted: boolean;
  /** Lambda turned the call away: it costs nothing. */
  giveBack(): void;
  /** The call is not forwarded after all. */
  cancel(): void;
  /** The end of the function was seen: its slot is free. Never called for an end that was not. */
  end(): void;
  /** The call got no answer, not even its head. Its function may run on, so its slot comes free later. */
  lose(): void;
  /** The call was sent, but certainly started no function: it holds and costs nothing. */
  takeBack(): void;
}

/** A call that waits for an answer of the ledger, and what came of it. */
interface Waiter {
  readonly bytes: number;
  readonly decided: (outcome: Exclude<Admission, { kind: 'ask' }> | { readonly kind: 'unreachable' | 'left' }) => void;
}

/** Plain data but for the promises in `exchange` and `waiting`, which the requests that made them keep alive. */
interface Entry {
  known?: { readonly tenant: KnownTenant; readonly revision: number; readonly askedAtMs: number };
  /** What was asked before this moment may be out of date. */
  forgottenAtMs: number;
  touchedAtMs: number;
  readonly book: LeaseHolder;
  exchange?: { readonly answered: Promise<boolean>; readonly sinceMs: number };
  /** Calls that wait for a lease, in the order in which they came. */
  waiting: Waiter[];
  /** When each key was last used, as far as the object has not been told. */
  keysUsed: Map<KeyId, number>;
  failingSinceMs?: number;
  /** After a failure: when the object may be asked again, and after how long the next time. */
  retryAtMs: number;
  backoffMs: number;
  /** Who will settle what is due, and when. */
  settler?: { readonly atMs: number };
}

/** An isolate's memory of tenants: who they are, what is leased to them here, and what is to be accounted for. */
export interface TenantMemory {
  /** A tenant as its object said at most `MAX_AGE_MS` ago, if it is known that well. */
  recall(tenantId: TenantId): KnownTenant | undefined;
  /**
   * Asks behind a call, while its body comes: for a lease if it will need one, and for a tenant that is not fresh.
   *
   * @param bytes the payload, as far as is known; absent: no lease is to be asked for.
   */
  prepare(tenantId: TenantId, bytes: number | undefined, waitUntil: WaitUntil): void;
  /**
   * Asks for a tenant that is not known, together with a lease for this call: one round trip. Undefined when its object
   * cannot be reached in time: fails closed. Never rejects.
   *
   * @param bytes the payload, as far as is known; absent: the caller has not proved itself, and takes no lease.
   */
  meet(tenantId: TenantId, bytes: number | undefined, waitUntil: WaitUntil): Promise<KnownTenant | undefined>;
  /** An early no, from what was leased already. */
  foresee(tenantId: TenantId, bytes: number): Refusal | undefined;
  /**
   * Reserves one call: from what is leased, or else from the tenant's object.
   *
   * @param left aborted when the caller leaves: then it does not wait any more. Asked for only if it has to wait.
   */
  reserve(
    tenantId: TenantId,
    bytes: number,
    waitUntil: WaitUntil,
    left?: () => AbortSignal,
  ): Promise<Result<Reservation, Refusal>>;
  /**
   * Charges one unit of the rate, and nothing of a quota, for a call that is refused because of its own mistake. A tenant
   * without a rate pays nothing, and nobody pays while the object cannot be reached: such a refusal costs next to nothing.
   *
   * @returns what to say in place of the mistake, when the rate is used up.
   */
  chargeRate(tenantId: TenantId, waitUntil: WaitUntil): Promise<Refusal | undefined>;
  /** Adds to the account of a tenant; the object hears of it within a second. */
  record(tenantId: TenantId, functionName: string, use: Partial<Usage>, waitUntil: WaitUntil): void;
  /**
   * Counts an attempt that named the tenant without proof. It wakes no object: if the tenant is known here, its object hears
   * within 1 second, and then every 4 seconds. Otherwise it hears with the next ask that a call causes.
   */
  recordUnproved(tenantId: TenantId, waitUntil: WaitUntil): void;
  /** Notes that a key was used by whoever holds its secret. */
  recordKey(tenantId: TenantId, keyId: KeyId): void;
  /** `RateLimit` and `RateLimit-Policy` as they stand; none for a tenant without limits. */
  describeLimits(tenantId: TenantId): Readonly<Record<string, string>>;
  /** Forgets what a tenant was: this isolate has just changed it. */
  forget(tenantId: TenantId): void;
}

/** Called once for each policy, with JSON pointers to what cannot be read: such a rule allows nothing, or denies everything. */
export type OnUnreadable = (tenantId: TenantId, pointers: readonly string[]) => void;

export function createTenantMemory(
  ask: AskTenant,
  now: () => number,
  onUnreadable: OnUnreadable = () => {},
  { look, onFailure }: Partial<AfterFailure> = {},
): TenantMemory {
  const entries = new Map<TenantId, Entry>();
  const unproved = createUnprovedCounts(now);

  let youngest: TenantId | undefined;

  const touch = (tenantId: TenantId): Entry => {
    const found = entries.get(tenantId);
    const nowMs = now();
    if (found) found.touchedAtMs = nowMs;
    if (found && tenantId === youngest) return found;
    const entry = found ?? {
      forgottenAtMs: Number.NEGATIVE_INFINITY,
      touchedAtMs: nowMs,
      book: createLeaseHolder(crypto.randomUUID(), nowMs),
      waiting: [],
      keysUsed: new Map(),
      retryAtMs: 0,
      backoffMs: MIN_BACKOFF_MS,
    };
    youngest = tenantId;
    entries.delete(tenantId); // to the young end of the map's order
    entries.set(tenantId, entry);
    if (!found) forgetIdle(nowMs);
    return entry;
  };

  const forgetIdle = (nowMs: number) => {
    let looked = 0;
    for (const [tenantId, entry] of entries) {
      if (entries.size > MAX_TENANTS || isIdle(entry, nowMs)) entries.delete(tenantId);
      looked++;
      if (looked === LOOKED_AT) break;
    }
  };

  // What seems to come from the future is of no known age: the clock has stepped back. Fails closed.
  const ageOf = ({ known }: Entry) => {
    const ageMs = known ? now() - known.askedAtMs : -1;
    return ageMs < 0 ? Number.POSITIVE_INFINITY : ageMs;
  };
  const young = (entry: Entry) => (ageOf(entry) < MAX_AGE_MS ? entry.known?.tenant : undefined);
  const limitsOf = ({ known }: Entry): LimitsDocument => (known?.tenant.exists ? known.tenant.limits : {});
  const isAsking = ({ exchange }: Entry) => exchange !== undefined && now() - exchange.sinceMs < ASK_TIMEOUT_MS;
  const isBackingOff = ({ retryAtMs }: Entry) => now() < retryAtMs && retryAtMs - now() <= MAX_BACKOFF_MS;

  /** Asks the object. Resolves to whether it answered, and leased or refused; never rejects. */
  const startExchange = (
    tenantId: TenantId,
    entry: Entry,
    purpose: Purpose,
    waitUntil: WaitUntil,
    settleUntilMs?: number,
  ): Promise<boolean> => {
    const { book, known } = entry;
    const sinceMs = now();
    abandonRequest(book); // one that is still out is too late
    const attempts = unproved.take(tenantId);
    if (attempts > 0) recordUsage(book, '', { unproved: attempts }, sinceMs);
    const request = buildRequest(book, limitsOf(entry), purpose, sinceMs);
    const { keysUsed } = entry;
    entry.keysUsed = new Map();
    const answered = within(ASK_TIMEOUT_MS, ask(tenantId, request, known?.revision ?? 0, keysUsed))
      .then(
        (answer) => takeIn(tenantId, entry, answer, sinceMs),
        (error: unknown) => takeInLook(tenantId, entry, error),
      )
      .then((success) => {
        if (entry.exchange !== exchange) return success;
        delete entry.exchange;
        if (success) {
          delete entry.failingSinceMs;
          entry.backoffMs = MIN_BACKOFF_MS;
        } else {
          abandonRequest(book);
          entry.retryAtMs = now() + entry.backoffMs;
          entry.backoffMs = Math.min(MAX_BACKOFF_MS, entry.backoffMs * 2);
          entry.keysUsed = new Map([...keysUsed, ...entry.keysUsed]);
          entry.failingSinceMs ??= now();
        }
        serveWaiting(tenantId, entry, success, waitUntil);
        settleLater(tenantId, entry, waitUntil, settleUntilMs);
        return success;
      });
    const exchange = { answered, sinceMs };
    entry.exchange = exchange;
    waitUntil(answered);
    return answered;
  };

  /**
   * An ask has failed, maybe because nothing can be written: what the tenant is may still be read. That is no lease, and
   * so no success: tenants without limits are served, and those that say so.
   */
  const takeInLook = async (tenantId: TenantId, entry: Entry, error: unknown): Promise<boolean> => {
    onFailure?.(tenantId, error);
    const isBusy = error instanceof TimeoutError || (error instanceof StateError && error.failure === 'overloaded');
    if (!look || isBusy) return false;
    const sinceMs = now();
    try {
      const answer = await within(ASK_TIMEOUT_MS, look(tenantId, entry.known?.revision ?? 0));
      return takeIn(tenantId, entry, answer, sinceMs);
    } catch (second) {
      onFailure?.(tenantId, second);
      return false;
    }
  };

  const takeIn = (
    tenantId: TenantId,
    entry: Entry,
    { revision, snapshot, ledger }: TenantAnswer,
    askedAtMs: number,
  ): boolean => {
    // An answer that was asked for earlier never replaces a later one, nor one from before the tenant was changed here.
    const nowMs = now();
    const isAfter = (atMs: number) => askedAtMs >= atMs || atMs > nowMs;
    const isNews = isAfter(entry.forgottenAtMs) && isAfter(entry.known?.askedAtMs ?? 0);
    if (isNews && snapshot) {
      const tenant = compileTenant(snapshot);
      const unreadable = tenant.exists ? tenant.policy.unreadable : [];
      if (unreadable.length > 0 && entry.known?.revision !== revision) onUnreadable(tenantId, unreadable);
      entry.known = { tenant, revision, askedAtMs };
    } else if (isNews && entry.known?.revision === revision) entry.known = { ...entry.known, askedAtMs };
    if (snapshot?.exists === false) {
      // There is nobody to account for.
      emptyLeaseHolder(entry.book, now());
      return true;
    }
    return ledger !== undefined && applyResponse(entry.book, ledger, now());
  };

  /** Lets go whoever waits and can be decided on; for the others the ledger is asked again. */
  const serveWaiting = (tenantId: TenantId, entry: Entry, success: boolean, waitUntil: WaitUntil): void => {
    const { book } = entry;
    const tenant = success ? young(entry) : undefined;
    entry.waiting = entry.waiting.filter(({ bytes, decided }) => {
      const outcome = tenant?.exists ? admit(book, tenant.limits, bytes, now()) : ({ kind: 'unreachable' } as const);
      if (outcome.kind !== 'ask') decided(outcome);
      return outcome.kind === 'ask';
    });
    if (entry.waiting.length > 0) void startExchange(tenantId, entry, forWaiting(entry), waitUntil);
  };

  const forWaiting = ({ waiting }: Entry): Purpose => ({
    waiting: { calls: waiting.length, bytes: Math.min(...waiting.map(({ bytes }) => bytes)) },
    bytesOfAll: waiting.reduce((sum, { bytes }) => sum + bytes, 0),
  });

  /** Waits until the ledger has decided on a call, but not for ever. */
  const waitForLease = async (
    tenantId: TenantId,
    entry: Entry,
    bytes: number,
    waitUntil: WaitUntil,
    left: AbortSignal | undefined,
  ) => {
    const { promise, resolve: decided } = Promise.withResolvers<Parameters<Waiter['decided']>[0]>();
    const waiter: Waiter = { bytes, decided };
    const untilMs = now() + RESERVE_TIMEOUT_MS;
    const stopWaiting = () => {
      entry.waiting = entry.waiting.filter((other) => other !== waiter);
    };
    // At once, so that nothing is admitted for a caller that has left.
    const leave = () => {
      stopWaiting();
      decided({ kind: 'left' });
    };
    left?.addEventListener('abort', leave);
    if (left?.aborted) leave();
    else entry.waiting.push(waiter);
    try {
      for (;;) {
        // Who sent the ask may be gone, and what would have come after it.
        if (!isAsking(entry)) {
          if (isBackingOff(entry)) break;
          void startExchange(tenantId, entry, forWaiting(entry), waitUntil);
        }
        const outcome = await within(ASK_TIMEOUT_MS, promise).catch(() => undefined);
        if (outcome) return outcome;
        if (now() >= untilMs) break;
      }
    } finally {
      left?.removeEventListener('abort', leave);
    }
    stopWaiting();
    return { kind: 'unreachable' } as const;
  };

  /** When the object is to hear from this isolate, though no call asks it for anything. */
  const dueAt = (tenantId: TenantId, { book }: Entry): number | undefined => {
    const ofBook = nextFlushAtMs(book);
    const ofUnproved = unproved.dueAtMs(tenantId);
    return ofBook === undefined || ofUnproved === undefined ? (ofBook ?? ofUnproved) : Math.min(ofBook, ofUnproved);
  };

  /** Sees to it that what this isolate owes the ledger is written when it is due, though no further call comes. */
  const settleLater = (
    tenantId: TenantId,
    entry: Entry,
    waitUntil: WaitUntil,
    untilMs = now() + SETTLER_LIFE_MS,
  ): void => {
    const dueAtMs = dueAt(tenantId, entry);
    const nowMs = now();
    if (dueAtMs === undefined || nowMs >= untilMs) return;
    const atMs = Math.max(dueAtMs, entry.failingSinceMs === undefined ? nowMs : nowMs + SETTLE_AGAIN_MS);
    const { settler } = entry;
    // One that has not woken up in time is gone with its request.
    if (settler && settler.atMs <= atMs && nowMs < settler.atMs + SETTLE_AGAIN_MS) return;
    const mine = { atMs };
    entry.settler = mine;
    waitUntil(settle(tenantId, entry, mine, waitUntil, untilMs));
  };

  const settle = async (
    tenantId: TenantId,
    entry: Entry,
    settler: { readonly atMs: number },
    waitUntil: WaitUntil,
    untilMs: number,
  ): Promise<void> => {
    await sleep(Math.max(0, settler.atMs - now()));
    if (entry.exchange && isAsking(entry)) await within(ASK_TIMEOUT_MS, entry.exchange.answered).catch(() => false);
    if (entry.settler !== settler) return; // somebody else is sooner
    delete entry.settler;
    const dueAtMs = dueAt(tenantId, entry);
    if (dueAtMs === undefined) return;
    if (isAsking(entry) || (dueAtMs > now() && now() < untilMs)) settleLater(tenantId, entry, waitUntil, untilMs);
    else await startExchange(tenantId, entry, 'flush', waitUntil, untilMs);
  };

  const admitted = (tenantId: TenantId, entry: Entry, ticket: Ticket, uncounted: boolean, waitUntil: WaitUntil) => {
    const { book } = entry;
    const reservation: Reservation = {
      uncounted,
      giveBack() {
        giveBack(book, ticket, now());
        settleLater(tenantId, entry, waitUntil);
      },
      cancel() {
        cancelCall(book, limitsOf(entry), ticket, now());
        settleLater(tenantId, entry, waitUntil);
      },
      lose() {
        loseCall(book, ticket, now());
        settleLater(tenantId, entry, waitUntil);
      },
      takeBack() {
        takeBackCall(book, limitsOf(entry), ticket, now());
        settleLater(tenantId, entry, waitUntil);
      },
      end() {
        endCall(book, limitsOf(entry), ticket, now());
        settleLater(tenantId, entry, waitUntil);
      },
    };
    const isRenewed =
      entry.waiting.length === 0 &&
      !isAsking(entry) &&
      !isBackingOff(entry) &&
      wantsRenewal(book, limitsOf(entry), now());
    if (isRenewed) void startExchange(tenantId, entry, 'ahead', waitUntil);
    settleLater(tenantId, entry, waitUntil);
    return ok(reservation);
  };

  /** Whether calls are served though the ledger cannot be reached: the tenant's choice, for so long. */
  const servesUncounted = ({ failingSinceMs }: Entry, limits: LimitsDocument): boolean =>
    failingSinceMs !== undefined &&
    limits.onLimitsUnavailable === 'serve' &&
    now() - failingSinceMs < (limits.serveSeconds ?? DEFAULT_SERVE_SECONDS) * 1_000;

  return {
    recall: (tenantId) => young(touch(tenantId)),

    prepare(tenantId, bytes, waitUntil) {
      const entry = touch(tenantId);
      if (isAsking(entry) || isBackingOff(entry)) return;
      const limits = limitsOf(entry);
      const needsLease = bytes !== undefined && isCounted(limits) && !hasLease(entry.book, bytes, now());
      const forOne = { waiting: { calls: 1, bytes: bytes ?? 0 }, withoutSlots: true };
      if (needsLease) void startExchange(tenantId, entry, forOne, waitUntil);
      else if (ageOf(entry) >= FRESH_MS) void startExchange(tenantId, entry, 'flush', waitUntil);
    },

    async meet(tenantId, bytes, waitUntil) {
      const entry = touch(tenantId);
      // What is under way may have been asked before the tenant was changed here; then it is asked again.
      for (let attempt = 0; attempt < 2 && !young(entry); attempt++) {
        const { exchange } = entry;
        if (!isAsking(entry) && isBackingOff(entry)) break;
        const answered =
          exchange && isAsking(entry)
            ? exchange.answered
            : startExchange(
                tenantId,
                entry,
                bytes === undefined ? 'flush' : { waiting: { calls: 1, bytes } },
                waitUntil,
              );
        // Its sender may be gone, and its timer too.
        await within(ASK_TIMEOUT_MS, answered).catch(() => false);
      }
      return young(entry);
    },

    foresee(tenantId, bytes) {
      const entry = entries.get(tenantId);
      const admission = entry && peekDenial(entry.book, bytes, now());
      return admission?.kind === 'refused' ? refuseLimit(admission.limit, admission.retryAfterMs) : undefined;
    },

    async reserve(tenantId, bytes, waitUntil, left) {
      const entry = touch(tenantId);
      const tenant = young(entry);
      if (!tenant?.exists) return err(refuse('state-unavailable'));
      const { limits } = tenant;
      const { book } = entry;
      countArrival(book, bytes);
      // What is not limited need not wait to be counted; nor what is served while the ledger cannot be reached.
      const serveNow = () => !isCounted(limits) || servesUncounted(entry, limits);
      let outcome: Parameters<Waiter['decided']>[0] | { readonly kind: 'ask' } = admit(book, limits, bytes, now());
      if (outcome.kind === 'ask' && !serveNow()) {
        outcome = await waitForLease(tenantId, entry, bytes, waitUntil, left?.());
      }
      switch (outcome.kind) {
        case 'admitted':
          return admitted(tenantId, entry, outcome.ticket, false, waitUntil);
        case 'left':
          return err(refuseLeft());
        case 'refused':
          return err(refuseLimit(outcome.limit, outcome.retryAfterMs));
        default: {
          if (!serveNow() || !young(entry)) return err(refuse('limits-unavailable'));
          const ticket = admitUncounted(book, limits, bytes, now());
          return admitted(tenantId, entry, ticket, isCounted(limits), waitUntil);
        }
      }
    },

    async chargeRate(tenantId, waitUntil) {
      const entry = touch(tenantId);
      const { book } = entry;
      const tenant = young(entry);
      if (!tenant?.exists || tenant.limits.rate === undefined) return undefined;
      countArrival(book, 0);
      for (let attempt = 0; ; attempt++) {
        const outcome = chargeRate(book, now());
        if (outcome.kind === 'refused') return refuseLimit(outcome.limit, outcome.retryAfterMs);
        if (outcome.kind === 'charged') settleLater(tenantId, entry, waitUntil);
        if (outcome.kind === 'charged' || attempt === MAX_CHARGE_ASKS || isBackingOff(entry)) return undefined;
        const forOne: Purpose = { waiting: { calls: 1, bytes: 0 }, withoutSlots: true };
        const answered =
          entry.exchange && isAsking(entry)
            ? entry.exchange.answered
            : startExchange(tenantId, entry, forOne, waitUntil);
        await within(ASK_TIMEOUT_MS, answered).catch(() => false);
      }
    },

    record(tenantId, functionName, use, waitUntil) {
      const entry = touch(tenantId);
      recordUsage(entry.book, functionName, use, now());
      // What was set aside for a call that was refused then, is for others.
      if (use.refused && entry.waiting.length === 0) releaseIdleSlots(entry.book, limitsOf(entry));
      settleLater(tenantId, entry, waitUntil);
    },

    recordUnproved(tenantId, waitUntil) {
      unproved.add(tenantId);
      const entry = entries.get(tenantId);
      if (entry?.known) settleLater(tenantId, entry, waitUntil);
    },

    recordKey(tenantId, keyId) {
      touch(tenantId).keysUsed.set(keyId, now());
    },

    describeLimits(tenantId) {
      const entry = entries.get(tenantId);
      return entry ? writeRateLimit(entry.book, now()) : {};
    },

    forget(tenantId) {
      const entry = entries.get(tenantId);
      if (!entry) return;
      delete entry.known;
      entry.forgottenAtMs = now();
    },
  };
}

const isIdle = ({ touchedAtMs, exchange, book }: Entry, nowMs: number): boolean =>
  nowMs - touchedAtMs >= IDLE_MS && exchange === undefined && isFlushed(book);

const compileTenant = (snapshot: TenantSnapshot): KnownTenant =>
  snapshot.exists
    ? {
        ...snapshot,
        policy: compilePolicy(snapshot.policy),
        isAddressAllowed: snapshot.policy.ipAllow && compileRanges(snapshot.policy.ipAllow),
      }
    : snapshot;

const sleep = (ms: number) => new Promise<void>((woken) => setTimeout(woken, ms));
