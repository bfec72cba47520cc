import type { TenantId } from '../identity/ids.ts';
import type { TrustedIssuer } from '../identity/issuers.ts';
import type { PolicyDocument } from '../policy/policy.ts';
import type { LimitsDocument } from '../quota/limits.ts';

/** The destination of a tenant's calls. */
export interface Upstream {
  /** `default` is the only value until destinations are implemented. */
  readonly destination?: 'default' | undefined;
  /** The AWS region of the tenant's functions. Default: the gateway's region. */
  readonly region?: string | undefined;
  /** Sent as `X-Amz-Tenant-Id` with every call, in place of the caller's value. */
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
  /**
   * If true, the gateway asks Lambda for the log tail of each call and reads the billed duration from the tail. Callers do
   * not see a tail that they did not ask for.
   */
  readonly meterDuration?: boolean | undefined;
}

/** A tenant: an outside company or team that may call. */
export interface TenantRecord extends TenantDocument {
  readonly id: TenantId;
  /** Number of the current version, starting at 1. Each change adds 1. */
  readonly version: number;
  readonly createdAtMs: number;
  readonly updatedAtMs: number;
}
