import type { UsageByFunction } from '../usage/usage.ts';
import type { LimitName } from './limits.ts';

/** How far an isolate has used a lease. */
export interface LeaseReport {
  /** The number of the request that the lease came with. */
  readonly id: number;
  readonly calls: number;
  readonly bytes: number;
  /** The isolate will use no more of it. */
  readonly final: boolean;
}

/** Calls served without a lease (positive), or turned away by Lambda (negative). */
export interface Correction {
  /** When the calls were counted, by the ledger's clock. */
  readonly atMs: number;
  readonly calls: number;
  readonly bytes: number;
}

/** Usage that an isolate reports. Sent until it is acknowledged, and counted once, by its number. */
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
  /** Places to run a function in. */
  readonly slots: number;
}

/** The calls that wait for the response. */
export interface Waiting {
  readonly calls: number;
  /** The smallest payload: a lease of fewer bytes helps none of them. */
  readonly bytes: number;
}

/** Slots of calls that got no answer. */
export interface LostSlots {
  readonly slots: number;
  /** Milliseconds from the request until they are free. */
  readonly freeInMs: number;
}

/**
 * An isolate asks a tenant's ledger for a lease, and reports what it used of earlier ones. Field names are on the wire
 * between versions of this code.
 */
export interface LeaseRequest {
  /** The isolate. */
  readonly holder: string;
  /** Counts its requests, from 1. One that a later one has overtaken is void. */
  readonly seq: number;
  readonly reports: readonly LeaseReport[];
  readonly batches: readonly Batch[];
  /** Slots that it keeps, for functions that run or are about to. */
  readonly keepSlots: number;
  /**
   * Those of the kept slots whose calls got no answer. They come free by themselves, even if this isolate is never heard
   * from again. Absent: none.
   */
  readonly lost?: readonly LostSlots[];
  /** Milliseconds until one of its slots is likely to come free. Absent: unknown. */
  readonly slotFreeInMs?: number;
  /** Admitted calls that are in no batch yet: they have not ended. */
  readonly inFlight: number;
  /** Calls that arrived since the last request. */
  readonly arrived: number;
  readonly wanted: Wanted;
  readonly waiting: Waiting;
}

/** Calls, already deducted from every limit, that an isolate may forward without asking. */
export interface Lease {
  readonly calls: number;
  /** How many of them at once. The others become usable evenly over `spreadMs`. */
  readonly atOnce: number;
  readonly spreadMs: number;
  /** Payload bytes; absent when they are not limited. */
  readonly bytes?: number;
  /** Milliseconds that it lasts from the moment at which the isolate asked, by the isolate's own clock. */
  readonly lastsMs: number;
  /** When it was granted, by the ledger's clock. */
  readonly grantedAtMs: number;
}

/** A refusal that holds for a while, so that a tenant at its limit does not hammer its object. */
export interface Denial {
  readonly limit: LimitName;
  /** Milliseconds that it holds from the moment at which the isolate asked; at most `LEASE_MS`. */
  readonly holdsMs: number;
  /** Milliseconds until a call may succeed again, as far as is known. */
  readonly resetMs: number;
  /** Bytes. Calls with a smaller payload may still fit. */
  readonly fromBytes: number;
}

/** The status of one limit. */
export interface LimitStatus {
  readonly limit: LimitName;
  readonly quota: number;
  /** Neither used nor leased. */
  readonly remaining: number;
  /** Length of its window, and time until it is full again; absent for concurrency. */
  readonly windowMs?: number;
  readonly resetMs?: number;
}

/** The ledger's response to a request. */
export interface LeaseResponse {
  readonly seq: number;
  readonly lease?: Lease;
  /** Slots on top of those that the isolate keeps. It may start functions in them for `LEASE_MS` from its request. */
  readonly slots: number;
  readonly no?: Denial;
  readonly standings: readonly LimitStatus[];
}
