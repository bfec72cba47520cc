import type { KeyId } from '../core/identity/ids.ts';
import type { Refusal } from '../core/refusal.ts';
import type { Result } from '../core/result.ts';
import type { Usage } from '../core/usage/usage.ts';
import type { KnownTenant } from './known-tenant.ts';

/** One call's access to its tenant. `Tenants.open` makes one for each call. */
export interface TenantHandle {
  /** The tenant as its object described it at most 4 s ago. Undefined if the isolate knows nothing that recent. */
  peek(): KnownTenant | undefined;
  /**
   * Asks the object early, while the body arrives: for a lease if the call needs one, and for the tenant if it is not fresh.
   *
   * @param bytes length of the payload, as far as it is known. Absent: asks for no lease.
   */
  prefetch(bytes?: number): void;
  /**
   * Asks the object for an unknown tenant, and in the same request for a lease. Undefined if the object does not answer
   * in time: fails closed. Never rejects.
   *
   * @param bytes length of the payload, as far as it is known. Absent: asks for no lease.
   */
  load(bytes?: number): Promise<KnownTenant | undefined>;
  /** The refusal of this call, if an earlier answer of the ledger already demands it. */
  peekDenial(bytes: number): Refusal | undefined;
  /**
   * Reserves the call: from a lease at hand, or otherwise from the tenant's object.
   *
   * @param left aborted when the caller leaves: the call stops waiting. Read only if the call has to wait.
   */
  reserve(bytes: number, left?: () => AbortSignal): Promise<Result<Reservation, Refusal>>;
  /**
   * Charges one unit of the rate, and nothing of a quota, for a call refused because of the caller's mistake. Free for a
   * tenant without a rate, and while the object cannot be reached: a refusal costs next to nothing.
   *
   * @returns the refusal to answer instead, if the rate is used up.
   */
  chargeRate(): Promise<Refusal | undefined>;
  /** Adds to the tenant's usage. The isolate reports it to the object within a second. */
  record(functionName: string, usage: Partial<Usage>): void;
  /** Notes that a key was used by a caller that holds its secret. */
  recordKey(keyId: KeyId): void;
  /**
   * Counts an attempt that named the tenant without proof. It never wakes an object by itself: the isolate reports it
   * within 1 s and then every 4 s for a tenant that it knows, otherwise with the next request that a call causes.
   */
  recordUnproved(): void;
  /** The current `RateLimit` and `RateLimit-Policy`. None for a tenant without limits. */
  rateLimitHeaders(): Readonly<Record<string, string>>;
}

/** A call's place under its tenant's limits. */
export interface Reservation {
  /** The ledger could not be reached: the call is served, and counted later. */
  readonly uncounted: boolean;
  /** Lambda turned the call away: it costs nothing. */
  giveBack(): void;
  /** The call is not forwarded after all. */
  cancel(): void;
  /** The end of the function was observed: its slot is free. Never called for an end that was not observed. */
  end(): void;
  /** The call got no answer, not even a head. Its function may run on, so its slot is freed later. */
  lose(): void;
  /** The call was sent but certainly started no function: it holds no slot and costs nothing. */
  takeBack(): void;
}
