import type { KeyId, TenantId } from '../identity/ids.ts';
import type { TrustedIssuer } from '../identity/issuers.ts';
import type { PolicyDocument } from '../policy/policy.ts';
import type { LeaseResponse } from '../quota/lease-protocol.ts';
import type { LimitsDocument } from '../quota/limits.ts';
import { type Refusal, refuse } from '../refusal.ts';
import type { TenantStatus, Upstream } from './tenant.ts';

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
