import type { KeyId, TenantId } from '../core/identity/ids.ts';
import type { LeaseRequest } from '../core/quota/lease-protocol.ts';
import type { TenantAnswer } from '../core/tenancy/snapshot.ts';
import type { OnFailure } from '../edge/failure-log.ts';

/** How this room reaches tenants' objects and the log. */
export interface TenantPorts {
  /**
   * Asks a tenant's object for a lease, and for the tenant if it is no longer at the known revision (0: not known). Reports
   * when keys were used (epoch ms).
   */
  readonly ask: (
    tenantId: TenantId,
    request: LeaseRequest,
    knownRevision: number,
    keysUsed: ReadonlyMap<KeyId, number>,
  ) => Promise<TenantAnswer>;
  /** Asks for the tenant alone and writes nothing, so it works on a full disk. */
  readonly look?: (tenantId: TenantId, knownRevision: number) => Promise<TenantAnswer>;
  /** Epoch milliseconds. */
  readonly now: () => number;
  /** Called with the cause of each failed `ask` or `look`. */
  readonly onFailure?: OnFailure;
  /**
   * Called once for each revision of a policy that has unreadable rules, with their JSON pointers. Such a rule allows
   * nothing, or denies everything.
   */
  readonly onUnreadable?: (tenantId: TenantId, pointers: readonly string[]) => void;
}
