import type { KeyId, TenantId } from '../identity/ids.ts';
import type { TrustedIssuer } from '../identity/issuers.ts';
import type { PolicyDocument } from '../policy/policy.ts';
import type { LeaseResponse } from '../quota/lease-protocol.ts';
import type { LimitsDocument } from '../quota/limits.ts';
import { type Refusal, refuse } from '../refusal.ts';
import type { TenantStatus, Upstream } from './tenant.ts';

/** The part of a tenant that a gateway isolate needs to serve calls. Plain data. */
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
      /** Expiry time (epoch ms) of each live key, by key id. Null: never expires. */
      readonly keys: Readonly<Record<string, number | null>>;
    };

/** The answer of a tenant's object to an isolate. */
export interface TenantAnswer {
  /** Number of changes to the snapshot. An isolate that names the current revision gets no snapshot. */
  readonly revision: number;
  /** Absent if the tenant is unchanged since the revision that the isolate named. */
  readonly snapshot?: TenantSnapshot;
  /**
   * Absent if the ledger could not be written, if the isolate asked only for the tenant, or if the tenant does not exist.
   */
  readonly ledger?: LeaseResponse;
  /**
   * True if the database is empty, without even a deleted tenant's audit trail. Then the tenant never existed, or its file
   * was lost.
   */
  readonly isBlank?: boolean;
}

/** A tenant that exists. */
export type LiveTenant = Extract<TenantSnapshot, { exists: true }>;

/** Checks that a proved key may be used now. Fails closed: refuses a key that is not known to be live. */
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

/** Checks that a tenant is active. Refuses every call of a suspended tenant. */
export const checkStatus = ({ status }: Pick<LiveTenant, 'status'>, tenantId: TenantId): Refusal | undefined =>
  status === 'active' ? undefined : refuse('tenant-suspended', tenantId);
