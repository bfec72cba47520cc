import type { UsageByFunction } from '../usage/usage.ts';
import type { LimitName } from './limits.ts';

/** How far an isolate has used a lease. */
export interface LeaseReport {
  /** The number of the request that the lease came with. */
  readonly id: number;
  readonly calls: number;
  readonly bytes: number;
  /** Nothing more will be used of it. */
  readonly final: boolean;
}

/** Calls that came out of no lease (positive), or that Lambda turned away (negative). */
export interface Correction {
  /** When the calls were counted, by the ledger's clock. */
  readonly atMs: number;
  readonly calls: number;
  readonly bytes: number;
}

/** What an isolate has to account for. Sent until it is acknowledged, and counted once, by its number. */
export interface Batch {
  /** The number of the request that it was first sent with. */
  readonly id: number;
  readonly use: UsageByFunction;
  readonly corrections: readonly Correction[];
}

/** What an isolate needs for the coming second. */
export interface Wanted {
  readonly calls: number;
  readonly bytes: number;
  /** Places to run a function in. */
  readonly slots: number;
}

/** The calls that wait for the answer. */
export interface Waiting {
  readonly calls: number;
  /** The payload of the smallest: less than this helps nobody. */
  readonly bytes: number;
}

/** Slots of calls that got no answer. */
export interface LostSlots {
  readonly slots: number;
  /** Milliseconds from the request until they are free. */
  readonly freeInMs: number;
}

/** One question of an isolate to a tenant's ledger, and its account of what it was given before. */
export interface LeaseRequest {
  /** The isolate. */
  readonly holder: string;
  /** Counts its asks, from 1. One that is overtaken by a later one is void. */
  readonly seq: number;
  readonly reports: readonly LeaseReport[];
  readonly batches: readonly Batch[];
  /** Slots that it keeps, for functions that run or are about to. */
  readonly keepSlots: number;
  /**
   * Of the slots that it keeps, those of calls that got no answer: they come free by themselves, even if this isolate is
   * never heard again. Absent: none.
   */
  readonly lost?: readonly LostSlots[];
  /** When a slot of its functions is likely to come free, in milliseconds from now; absent: it is not known. */
  readonly slotFreeInMs?: number;
  /** Calls that were admitted and are in no batch yet: their end is still to come. */
  readonly inFlight: number;
  /** Calls that came since the last request. */
  readonly arrived: number;
  readonly wanted: Wanted;
  readonly waiting: Waiting;
}

/** Calls that an isolate may forward without asking again. */
export interface Lease {
  readonly calls: number;
  /** Of these, how many at once; the others become usable evenly over `spreadMs`. */
  readonly atOnce: number;
  readonly spreadMs: number;
  /** Payload bytes; absent when they are not limited. */
  readonly bytes?: number;
  /** How long it lasts from the moment that the isolate asked, by the isolate's own clock. */
  readonly lastsMs: number;
  /** When it was granted, by the ledger's clock. */
  readonly grantedAtMs: number;
}

/** A refusal that is good for a while, so that a tenant at its limit does not hammer its object. */
export interface Denial {
  readonly limit: LimitName;
  /** How long it holds from the moment that the isolate asked; at most `LEASE_MS`. */
  readonly holdsMs: number;
  /** After how long a call may succeed again, as far as can be told. */
  readonly resetMs: number;
  /** Calls with a smaller payload may fit. */
  readonly fromBytes: number;
}

/** How one limit stands. */
export interface LimitStatus {
  readonly limit: LimitName;
  readonly quota: number;
  /** What is neither used nor leased. */
  readonly remaining: number;
  /** Length of its window, and time until it is full again; absent for concurrency. */
  readonly windowMs?: number;
  readonly resetMs?: number;
}

/** The ledger's answer to a request. */
export interface LeaseResponse {
  readonly seq: number;
  readonly lease?: Lease;
  /** Slots on top of those that the isolate keeps; it may start functions in them while the lease would last. */
  readonly slots: number;
  readonly no?: Denial;
  readonly standings: readonly LimitStatus[];
}
