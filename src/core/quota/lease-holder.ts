import type { UsageByFunction } from '../usage/usage.ts';
import { createDemand, type Demand } from './demand.ts';
import type { HeldLease } from './held-lease.ts';
import type { Batch, Correction, Denial, LimitStatus } from './lease-protocol.ts';
import { createSlots, type Slots } from './slots.ts';

declare const holderBrand: unique symbol;

/**
 * One isolate's leases, slots and unreported usage for one tenant. Opaque: only `core/quota` reads and changes the fields.
 */
export interface LeaseHolder {
  readonly [holderBrand]: true;
}

/** The fields of a `LeaseHolder`. Plain data. */
export interface HolderFields {
  readonly id: string;
  /** Number of the last request. */
  seq: number;
  /** The leases, oldest first. */
  leases: HeldLease[];
  /** The request in progress. At most one request is in progress at a time. */
  sent?: {
    readonly seq: number;
    readonly atMs: number;
    /** Leases that the request reports as final. */
    readonly finals: readonly number[];
    /** Id of the last batch that the request carries. 0: no batch. */
    readonly lastBatch: number;
    readonly slots: number;
  };
  /** The ledger's last denial, unless a later response granted something. Valid until `untilMs`. */
  denial?: Denial & { readonly untilMs: number; readonly resetAtMs: number };
  statuses: readonly LimitStatus[];
  statusesAtMs: number;
  slots: Slots;
  demand: Demand;
  /** Admitted calls whose usage has not been recorded yet. */
  inFlight: number;
  usage: UsageByFunction;
  corrections: Correction[];
  batches: Batch[];
  /** When the oldest unsent usage or correction was recorded. */
  unsentSinceMs?: number;
}

/** Opens a holder. Only `core/quota`, and tests that plant faults in a holder, may use this function. */
export const fieldsOf = (holder: LeaseHolder): HolderFields => holder as unknown as HolderFields;

const newFields = (id: string, nowMs: number): HolderFields => ({
  id,
  seq: 0,
  leases: [],
  statuses: [],
  statusesAtMs: nowMs,
  slots: createSlots(nowMs),
  demand: createDemand(nowMs),
  inFlight: 0,
  usage: new Map(),
  corrections: [],
  batches: [],
});

/** @param id identifies the isolate to the ledger. Must be unique among isolates. */
export const createLeaseHolder = (id: string, nowMs: number): LeaseHolder =>
  newFields(id, nowMs) as unknown as LeaseHolder;

/** Empties a holder whose tenant no longer exists, so that it reports nothing more. Request numbers continue. */
export function emptyLeaseHolder(holder: LeaseHolder, nowMs: number): void {
  const fields = fieldsOf(holder);
  Object.assign(fields, newFields(fields.id, nowMs), { seq: fields.seq });
}
