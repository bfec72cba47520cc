import type { TenantId } from '../core/identity/ids.ts';
import { Flusher } from './flusher.ts';
import { LeaseClient } from './lease-client.ts';
import type { TenantPorts } from './ports.ts';
import type { UnprovedCounts } from './unproved-counts.ts';
import { WaitingCalls } from './waiting-calls.ts';

/** An idle tenant is forgotten after this long. */
const IDLE_MS = 60_000;

/** What an isolate keeps of one tenant, for all its calls. It holds no stub, and no promise but those that calls keep alive. */
export class TenantMemory {
  readonly client: LeaseClient;
  readonly waiting = new WaitingCalls();
  readonly flusher: Flusher;
  readonly now: () => number;
  lastUsedAtMs: number;

  constructor(tenantId: TenantId, ports: TenantPorts, unproved: UnprovedCounts) {
    this.now = ports.now;
    this.lastUsedAtMs = ports.now();
    this.client = new LeaseClient(tenantId, ports, unproved);
    this.flusher = new Flusher(this.client, ports.now);
  }

  /** It has not been called for a while, and nothing is out or owed. */
  isIdle(nowMs: number): boolean {
    return nowMs - this.lastUsedAtMs >= IDLE_MS && this.client.isIdle;
  }
}
