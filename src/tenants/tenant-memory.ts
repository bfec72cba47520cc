import type { TenantId } from '../core/identity/ids.ts';
import { Flusher } from './flusher.ts';
import { LeaseClient } from './lease-client.ts';
import type { TenantPorts } from './ports.ts';
import type { UnprovedCounts } from './unproved-counts.ts';
import { WaitingCalls } from './waiting-calls.ts';

/** Milliseconds after which the isolate forgets an idle tenant. */
const IDLE_MS = 60_000;

/**
 * An isolate's memory of one tenant, shared by all calls. Holds no stub, and no promises except those that calls keep
 * alive.
 */
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

  /** True if the tenant has had no call for `IDLE_MS`, no request is in progress, and there is nothing to report. */
  isIdle(nowMs: number): boolean {
    return nowMs - this.lastUsedAtMs >= IDLE_MS && this.client.isIdle;
  }
}
