import type { KeyId } from '../core/identity/ids.ts';
import type { Refusal } from '../core/refusal.ts';
import type { Result } from '../core/result.ts';
import type { Usage } from '../core/usage/usage.ts';
import type { KnownTenant } from './known-tenant.ts';

/** One call's access to its tenant. `Tenants.open` creates a handle for each call. */
export interface TenantHandle {
  /** Returns the tenant as its object described it at most 4 s ago. Undefined if the isolate's copy is older or missing. */
  peek(): KnownTenant | undefined;
  /**
   * Sends a request to the object early, while the body arrives. Asks for a lease if the call needs a lease, and for the
   * tenant if the isolate's copy is not fresh.
   *
   * @param bytes known length of the payload, 0 if unknown. Absent: asks for no lease.
   */
  prefetch(bytes?: number): void;
  /**
   * Returns the tenant. If the isolate does not know the tenant, asks the object for the tenant and a lease in one request.
   * Fails closed: returns undefined if the object does not answer in time. Never rejects.
   *
   * @param bytes known length of the payload, 0 if unknown. Absent: asks for no lease.
   */
  load(bytes?: number): Promise<KnownTenant | undefined>;
  /** Returns the refusal of this call if the ledger's last denial already covers the call. */
  peekDenial(bytes: number): Refusal | undefined;
  /**
   * Reserves the call from a lease that the isolate holds, or else from the tenant's object.
   *
   * @param left returns a signal that aborts when the caller leaves, so that the call stops waiting. Used only if the call
   * has to wait.
   */
  reserve(bytes: number, left?: () => AbortSignal): Promise<Result<Reservation, Refusal>>;
  /**
   * Charges one unit of the rate, and nothing of a quota, for a call refused because of the caller's mistake. Charges
   * nothing if the tenant has no rate or the object cannot be reached, because a refusal costs next to nothing.
   *
   * @returns the refusal to send instead, if the rate or a quota is used up.
   */
  chargeRate(): Promise<Refusal | undefined>;
  /** Adds to the tenant's usage. The isolate reports the usage to the object within a second. */
  record(functionName: string, usage: Partial<Usage>): void;
  /** Records the use of a key by a caller that holds the secret of the key. */
  recordKey(keyId: KeyId): void;
  /**
   * Counts an attempt that named the tenant without proof. If the isolate knows the tenant, it reports attempts within 1 s
   * and then at most every 4 s. Otherwise, it reports attempts with the next request that a call causes, so that attempts
   * alone never wake an object.
   */
  recordUnproved(): void;
  /** Returns the current `RateLimit` and `RateLimit-Policy` headers. Empty for a tenant without limits. */
  rateLimitHeaders(): Readonly<Record<string, string>>;
}

/** A call's reservation under its tenant's limits. */
export interface Reservation {
  /** True if the ledger could not be reached, so that the call is served now and counted later. */
  readonly uncounted: boolean;
  /** Gives back the cost of the call, because Lambda turned the call away. */
  giveBack(): void;
  /** Undoes the reservation of a call that is not forwarded after all. */
  cancel(): void;
  /** Frees the slot, because the end of the function was observed. Never called if the end was not observed. */
  end(): void;
  /**
   * Marks the call as lost: it got no answer, not even a response head. Its function may still run, so its slot is freed
   * later.
   */
  lose(): void;
  /** Frees the slot and gives back the cost, because the call was sent but certainly started no function. */
  takeBack(): void;
}
