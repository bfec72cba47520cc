import type { UsageByFunction } from '../usage/usage.ts';
import { createDemand, type Demand } from './demand.ts';
import type { HeldLease } from './held-lease.ts';
import type { Batch, Correction, Denial, LimitStatus } from './lease-protocol.ts';
import { createSlots, type Slots } from './slots.ts';

declare const holderBrand: unique symbol;

/** The leases of one tenant that one isolate holds. Opaque: only the functions of `lease.ts` read and change it. */
export interface LeaseHolder {
  readonly [holderBrand]: true;
}

/** The fields of a `LeaseHolder`. Plain data. */
export interface HolderFields {
  readonly id: string;
  /** The number of the last request. */
  seq: number;
  /** Oldest first. */
  leases: HeldLease[];
  /** The request under way: never more than one. */
  sent?: {
    readonly seq: number;
    readonly atMs: number;
    /** Leases that it reports as final, and the last batch that it carries. */
    readonly finals: readonly number[];
    readonly lastBatch: number;
    readonly slots: number;
  };
  /** The denial in the last response, until it expires. */
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
  /** When the oldest unsent usage or correction was recorded. */
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

/** @param id names the isolate to the ledger. No two isolates may have the same id. */
export const createLeaseHolder = (id: string, nowMs: number): LeaseHolder =>
  newFields(id, nowMs) as unknown as LeaseHolder;

/** Drops all that a holder would report, because its tenant no longer exists. Its request numbers go on. */
export function emptyLeaseHolder(holder: LeaseHolder, nowMs: number): void {
  const fields = fieldsOf(holder);
  Object.assign(fields, newFields(fields.id, nowMs), { seq: fields.seq });
}
