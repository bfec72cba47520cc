import type { KeyId, TenantId } from '../identity/ids.ts';
import type { TrustedIssuer } from '../identity/issuers.ts';
import type { PolicyDocument } from '../policy/policy.ts';
import type { LeaseResponse } from '../quota/lease-protocol.ts';
import type { LimitsDocument } from '../quota/limits.ts';
import { type Refusal, refuse } from '../refusal.ts';

/** Where a tenant's calls go. */
export interface Upstream {
  /** The only one until destinations are built. */
  readonly destination?: 'default' | undefined;
  /** The AWS region of the tenant's functions; absent: the gateway's own. */
  readonly region?: string | undefined;
  /** Sent as X-Amz-Tenant-Id on every call; wins over the caller's. */
  readonly tenantId?: string | undefined;
}

export type TenantStatus = 'active' | 'suspended';

/** What an operator sets of a tenant. */
export interface TenantDocument {
  readonly name: string;
  readonly status: TenantStatus;
  readonly policy: PolicyDocument;
  readonly limits: LimitsDocument;
  readonly upstream: Upstream;
  /** Whose tokens do in place of a key. Absent: nobody's. */
  readonly issuers?: readonly TrustedIssuer[] | undefined;
  /** Ask Lambda for the log tail of each call, to learn what it billed. Callers do not see it. */
  readonly meterDuration?: boolean | undefined;
}

/** A tenant: an outside company or team that may call. */
export interface Tenant extends TenantDocument {
  readonly id: TenantId;
  /** Counts the changes, from 1. */
  readonly version: number;
  readonly createdAtMs: number;
  readonly updatedAtMs: number;
}

/** What a gateway isolate has to know of a tenant to serve its calls; plain data. */
export type TenantSnapshot =
  | { readonly exists: false }
  | {
      readonly exists: true;
      readonly status: TenantStatus;
      readonly policy: PolicyDocument;
      readonly limits: LimitsDocument;
      readonly upstream: Upstream;
      readonly meterDuration: boolean;
      readonly issuers: readonly TrustedIssuer[];
      /** The keys that live, by id: when each expires (epoch ms), or null. */
      readonly keys: Readonly<Record<string, number | null>>;
    };

/** What a tenant's object answers to an isolate's ask. */
export interface TenantAnswer {
  /** Counts what changes the snapshot: an isolate that names it is not sent the same again. */
  readonly revision: number;
  /** Absent: it is as it was at that revision. */
  readonly snapshot?: TenantSnapshot;
  /** Absent: the ledger cannot be written. */
  readonly ledger?: LeaseResponse;
  /** Its database is empty, without even a trace of a deleted tenant: it never existed, or its file was lost. */
  readonly isBlank?: boolean;
}

/** A tenant that is there and active. */
export type LiveTenant = Extract<TenantSnapshot, { exists: true }>;

/** Checks that a proved key may be used now. A key that is not known to be live is refused: fails closed. */
export function checkKey(
  { status, keys }: Pick<LiveTenant, 'status' | 'keys'>,
  tenantId: TenantId,
  keyId: KeyId,
  nowMs: number,
): Refusal | undefined {
  const expiresAtMs = keys[keyId];
  if (expiresAtMs === undefined) return refuse('key-revoked');
  if (expiresAtMs !== null && expiresAtMs <= nowMs) return refuse('key-expired');
  return checkStatus({ status }, tenantId);
}

/** Checks that a tenant is active: every call of a suspended one is refused. */
export const checkStatus = ({ status }: Pick<LiveTenant, 'status'>, tenantId: TenantId): Refusal | undefined =>
  status === 'active' ? undefined : refuse('tenant-suspended', tenantId);
