import type { UsageByFunction } from '../usage/usage.ts';
import type { LimitName } from './limits.ts';

/** An isolate's report of its use of one lease. */
export interface LeaseReport {
  /** Number of the request that obtained the lease. */
  readonly id: number;
  readonly calls: number;
  readonly bytes: number;
  /** True if the isolate will not use the lease any more. */
  readonly final: boolean;
}

/** A correction to the counted calls: positive for calls served without a lease, negative for calls given back. */
export interface Correction {
  /** When the calls were counted: by the ledger's clock if they were leased, otherwise by the isolate's clock. */
  readonly atMs: number;
  readonly calls: number;
  readonly bytes: number;
}

/**
 * Usage that an isolate reports. The isolate sends a batch until the ledger acknowledges it. `id` ensures that the ledger
 * counts the batch only once.
 */
export interface Batch {
  /** Number of the request that first carried the batch. */
  readonly id: number;
  readonly use: UsageByFunction;
  readonly corrections: readonly Correction[];
}

/** An isolate's expected needs for the coming second. */
export interface Wanted {
  readonly calls: number;
  readonly bytes: number;
  /** Number of slots. Each slot runs one function at a time. */
  readonly slots: number;
}

/** Calls that wait for the ledger's response. */
export interface Waiting {
  readonly calls: number;
  /** Size of the smallest waiting payload in bytes. A lease with fewer bytes helps none of the calls. */
  readonly bytes: number;
}

/** Slots held by calls that got no answer. */
export interface LostSlots {
  readonly slots: number;
  /** Milliseconds from the request until these slots become free. */
  readonly freeInMs: number;
}

/**
 * An isolate's request to a tenant's ledger: the isolate asks for a lease and reports its use of earlier leases. Never
 * rename a field, because isolates and objects may run different versions of this code.
 */
export interface LeaseRequest {
  /** The isolate's id. */
  readonly holder: string;
  /** Number of the request, starting at 1. A request has no effect if a later request arrived first. */
  readonly seq: number;
  readonly reports: readonly LeaseReport[];
  readonly batches: readonly Batch[];
  /** Slots that the isolate keeps: slots in use, and idle slots that it may still fill. */
  readonly keepSlots: number;
  /**
   * The kept slots whose calls got no answer. The ledger frees these slots on time even if this isolate never reports
   * again. Absent: none.
   */
  readonly lost?: readonly LostSlots[];
  /** Milliseconds until one of the isolate's slots is likely to become free. Absent: unknown. */
  readonly slotFreeInMs?: number;
  /** Admitted calls that are not in any batch yet, because they have not ended. */
  readonly inFlight: number;
  /** Calls that arrived since the isolate last asked for a lease. 0 in a request that only reports. */
  readonly arrived: number;
  readonly wanted: Wanted;
  readonly waiting: Waiting;
}

/**
 * Calls that an isolate may forward without asking again. The ledger has already charged them to the rate and the quotas.
 */
export interface Lease {
  readonly calls: number;
  /** Calls that are usable at once. The other calls become usable evenly over `spreadMs`. */
  readonly atOnce: number;
  readonly spreadMs: number;
  /** Payload bytes. Absent: bytes are not limited. */
  readonly bytes?: number;
  /** Lifetime of the lease in milliseconds, measured from the isolate's request by the isolate's clock. */
  readonly lastsMs: number;
  /** When the lease was granted, by the ledger's clock. */
  readonly grantedAtMs: number;
}

/** A refusal that stays valid for a while, so that a tenant at its limit does not flood its object with requests. */
export interface Denial {
  readonly limit: LimitName;
  /** Milliseconds for which the denial is valid, measured from the isolate's request. At most `LEASE_MS`. */
  readonly holdsMs: number;
  /** Estimated milliseconds until a call may succeed again. */
  readonly resetMs: number;
  /** Size in bytes of the smallest payload that is denied. A call with a smaller payload may still fit. */
  readonly fromBytes: number;
}

/** The status of one limit. */
export interface LimitStatus {
  readonly limit: LimitName;
  readonly quota: number;
  /** Units that are neither used nor leased. */
  readonly remaining: number;
  /** Length of the limit's window. Absent for concurrency. */
  readonly windowMs?: number;
  /** Milliseconds until the full quota is available again. Absent for concurrency. */
  readonly resetMs?: number;
}

/** The ledger's response to a request. */
export interface LeaseResponse {
  readonly seq: number;
  readonly lease?: Lease;
  /**
   * Slots granted on top of the kept slots. The isolate may start functions in these slots for `LEASE_MS` after its
   * request.
   */
  readonly slots: number;
  readonly no?: Denial;
  readonly standings: readonly LimitStatus[];
}
