import type { PolicyDocument } from '../policy/policy.ts';
import { type Refusal, refuse } from '../refusal.ts';
import type { KeyId, TenantId } from './ids.ts';

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
  readonly limits: Readonly<Record<string, never>>;
  readonly upstream: Upstream;
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
      readonly upstream: Upstream;
      /** The keys that live, by id: when each expires (epoch ms), or null. */
      readonly keys: Readonly<Record<string, number | null>>;
    };

/** A tenant that is there and active. */
export type LiveTenant = Extract<TenantSnapshot, { exists: true }>;

/** Why a proved key may not be used now, if it may not. A key that is not known to live is refused: fails closed. */
export function refuseKey(
  { status, keys }: Pick<LiveTenant, 'status' | 'keys'>,
  tenantId: TenantId,
  keyId: KeyId,
  nowMs: number,
): Refusal | undefined {
  const expiresAtMs = keys[keyId];
  if (expiresAtMs === undefined) return refuse('key-revoked');
  if (expiresAtMs !== null && expiresAtMs <= nowMs) return refuse('key-expired');
  if (status !== 'active') return refuse('tenant-suspended', tenantId);
  return undefined;
}
