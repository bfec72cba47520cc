import type { UsageByFunction } from '../usage/usage.ts';
import { createDemand, type Demand } from './demand.ts';
import type { HeldLease } from './held-lease.ts';
import type { Batch, Correction, Denial, LimitStatus } from './lease-protocol.ts';
import { createSlots, type Slots } from './slots.ts';

declare const holderBrand: unique symbol;

/** What one isolate holds of one tenant's limits. Opaque: only the functions of `lease.ts` look inside and change it. */
export interface LeaseHolder {
  readonly [holderBrand]: true;
}

/** The inside of a `LeaseHolder`. Plain data. */
export interface HolderFields {
  readonly id: string;
  /** The number of the last request. */
  seq: number;
  /** Oldest first. */
  leases: HeldLease[];
  /** The request that is out: never more than one. */
  sent?: {
    readonly seq: number;
    readonly atMs: number;
    /** Leases that it reports as final, and the last batch that it carries. */
    readonly finals: readonly number[];
    readonly lastBatch: number;
    readonly slots: number;
  };
  /** The denial in the last response, until it is over. */
  denial?: Denial & { readonly untilMs: number; readonly resetAtMs: number };
  statuses: readonly LimitStatus[];
  statusesAtMs: number;
  slots: Slots;
  demand: Demand;
  /** Admitted calls whose usage has not been recorded. */
  inFlight: number;
  usage: UsageByFunction;
  corrections: Correction[];
  batches: Batch[];
  /** Since when usage or a correction has been waiting to be sent. */
  unsentSinceMs?: number;
}

/** Opens a holder. Only `core/quota` may, and tests that plant faults in it. */
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

/** @param id names the isolate to the ledger; no two have the same. */
export const createLeaseHolder = (id: string, nowMs: number): LeaseHolder =>
  newFields(id, nowMs) as unknown as LeaseHolder;

/** Drops what a holder has to report: its tenant is gone. It goes on counting its requests. */
export function emptyLeaseHolder(holder: LeaseHolder, nowMs: number): void {
  const fields = fieldsOf(holder);
  Object.assign(fields, newFields(fields.id, nowMs), { seq: fields.seq });
}
