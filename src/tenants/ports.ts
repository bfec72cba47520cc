import type { KeyId, TenantId } from '../core/identity/ids.ts';
import type { LeaseRequest } from '../core/quota/lease-protocol.ts';
import type { TenantAnswer } from '../core/tenancy/snapshot.ts';
import type { OnFailure } from '../edge/failure-log.ts';

/** Access to the tenants' objects, the clock and the log. */
export interface TenantPorts {
  /**
   * Asks a tenant's object for a lease, and for the tenant if its revision differs from `knownRevision` (0: no known
   * revision). Reports when keys were last used (epoch ms).
   */
  readonly ask: (
    tenantId: TenantId,
    request: LeaseRequest,
    knownRevision: number,
    keysUsed: ReadonlyMap<KeyId, number>,
  ) => Promise<TenantAnswer>;
  /** Asks for the tenant alone. The object writes nothing, so this request works on a full disk. */
  readonly look?: (tenantId: TenantId, knownRevision: number) => Promise<TenantAnswer>;
  /** Epoch milliseconds. */
  readonly now: () => number;
  /** Called with the cause of each failed `ask` or `look`. */
  readonly onFailure?: OnFailure;
  /**
   * Called once for each revision of a policy that has unreadable rules, with the JSON pointers of these rules. An
   * unreadable allow rule allows nothing. An unreadable deny rule denies everything.
   */
  readonly onUnreadable?: (tenantId: TenantId, pointers: readonly string[]) => void;
}
