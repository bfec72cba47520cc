import type { TenantId } from '../core/identity/ids.ts';
import type { Settings } from '../core/settings.ts';
import type { Objects } from '../state/objects.ts';

/** Everything that operations depend on. */
export interface OperatorPorts {
  readonly settings: Settings;
  readonly objects: Objects;
  /** Called for each changed tenant, so that this isolate drops its cached copy of the tenant. */
  readonly onChanged: (tenantId: TenantId) => void;
  /** The time, in epoch milliseconds. */
  readonly now: () => number;
}
