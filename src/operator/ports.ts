import type { TenantId } from '../core/identity/ids.ts';
import type { Settings } from '../core/settings.ts';
import type { Objects } from '../state/objects.ts';

/** What operations work with. */
export interface OperatorPorts {
  readonly settings: Settings;
  readonly objects: Objects;
  /** Called for each tenant that changed, so that this isolate drops what it remembers of it. */
  readonly onChanged: (tenantId: TenantId) => void;
  /** The time, in epoch milliseconds. */
  readonly now: () => number;
}
