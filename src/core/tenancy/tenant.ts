import type { TenantId } from '../identity/ids.ts';
import type { TrustedIssuer } from '../identity/issuers.ts';
import type { PolicyDocument } from '../policy/policy.ts';
import type { LimitsDocument } from '../quota/limits.ts';

/** Where a tenant's calls go. */
export interface Upstream {
  /** The only value until destinations are built. */
  readonly destination?: 'default' | undefined;
  /** The AWS region of the tenant's functions. Default: the gateway's region. */
  readonly region?: string | undefined;
  /** Sent as X-Amz-Tenant-Id on every call. Replaces the caller's. */
  readonly tenantId?: string | undefined;
}

export type TenantStatus = 'active' | 'suspended';

/** The operator's settings of a tenant. */
export interface TenantDocument {
  readonly name: string;
  readonly status: TenantStatus;
  readonly policy: PolicyDocument;
  readonly limits: LimitsDocument;
  readonly upstream: Upstream;
  /** Issuers whose tokens are accepted in place of a key. Absent: none. */
  readonly issuers?: readonly TrustedIssuer[] | undefined;
  /** Ask Lambda for the log tail of each call, to read the billed duration. Callers do not see the tail. */
  readonly meterDuration?: boolean | undefined;
}

/** A tenant: an outside company or team that may call. */
export interface TenantRecord extends TenantDocument {
  readonly id: TenantId;
  /** Counts the changes, from 1. */
  readonly version: number;
  readonly createdAtMs: number;
  readonly updatedAtMs: number;
}
