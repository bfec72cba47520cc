import type { UsageByFunction } from '../usage/usage.ts';
import type { LimitName } from './limits.ts';

/** How far an isolate has used a lease. */
export interface LeaseReport {
  /** The number of the request that the lease came with. */
  readonly id: number;
  readonly calls: number;
  readonly bytes: number;
  /** The isolate will not use the lease any more. */
  readonly final: boolean;
}

/** Calls served without a lease (positive), or turned away by Lambda (negative). */
export interface Correction {
  /** When the calls were counted, by the ledger's clock. */
  readonly atMs: number;
  readonly calls: number;
  readonly bytes: number;
}

/** Usage that an isolate reports. It is sent until acknowledged; its number ensures that it counts once. */
export interface Batch {
  /** The number of the request that first carried it. */
  readonly id: number;
  readonly use: UsageByFunction;
  readonly corrections: readonly Correction[];
}

/** What an isolate expects to need in the coming second. */
export interface Wanted {
  readonly calls: number;
  readonly bytes: number;
  /** Slots: each runs one function at a time. */
  readonly slots: number;
}

/** Calls that wait for the response. */
export interface Waiting {
  readonly calls: number;
  /** Bytes of the smallest waiting payload: a smaller lease helps none of the calls. */
  readonly bytes: number;
}

/** Slots held by calls that got no answer. */
export interface LostSlots {
  readonly slots: number;
  /** Milliseconds from the request until these slots are free. */
  readonly freeInMs: number;
}

/**
 * An isolate's request to a tenant's ledger: it asks for a lease and reports its use of earlier ones. Different versions
 * of this code exchange it, so never rename a field.
 */
export interface LeaseRequest {
  /** The isolate's id. */
  readonly holder: string;
  /** The number of the request, from 1. A request that a later one has overtaken is void. */
  readonly seq: number;
  readonly reports: readonly LeaseReport[];
  readonly batches: readonly Batch[];
  /** Slots that the isolate keeps, for functions that run or are about to run. */
  readonly keepSlots: number;
  /**
   * The kept slots whose calls got no answer. They become free by themselves, even if this isolate never reports again.
   * Absent: none.
   */
  readonly lost?: readonly LostSlots[];
  /** Milliseconds until one of the isolate's slots is likely to become free. Absent: unknown. */
  readonly slotFreeInMs?: number;
  /** Admitted calls that have not ended, so no batch has them yet. */
  readonly inFlight: number;
  /** Calls that arrived since the last request. */
  readonly arrived: number;
  readonly wanted: Wanted;
  readonly waiting: Waiting;
}

/** Calls that an isolate may forward without asking again. Every limit has already been charged for them. */
export interface Lease {
  readonly calls: number;
  /** Calls that are usable at once. The others become usable evenly over `spreadMs`. */
  readonly atOnce: number;
  readonly spreadMs: number;
  /** Payload bytes. Absent: bytes are not limited. */
  readonly bytes?: number;
  /** Milliseconds that the lease lasts, from the isolate's request and by the isolate's clock. */
  readonly lastsMs: number;
  /** When the lease was granted, by the ledger's clock. */
  readonly grantedAtMs: number;
}

/** A refusal that holds for a while, so that a tenant at its limit does not hammer its object. */
export interface Denial {
  readonly limit: LimitName;
  /** Milliseconds that the denial holds, from the isolate's request. At most `LEASE_MS`. */
  readonly holdsMs: number;
  /** Estimated milliseconds until a call may succeed again. */
  readonly resetMs: number;
  /** The smallest payload denied, in bytes. Calls with a smaller one may still fit. */
  readonly fromBytes: number;
}

/** The status of one limit. */
export interface LimitStatus {
  readonly limit: LimitName;
  readonly quota: number;
  /** Units neither used nor leased. */
  readonly remaining: number;
  /** Length of the limit's window, and time until the limit is full again. Absent for concurrency. */
  readonly windowMs?: number;
  readonly resetMs?: number;
}

/** The ledger's response to a request. */
export interface LeaseResponse {
  readonly seq: number;
  readonly lease?: Lease;
  /** Slots in addition to the kept ones. The isolate may start functions in them for `LEASE_MS` from its request. */
  readonly slots: number;
  readonly no?: Denial;
  readonly standings: readonly LimitStatus[];
}
