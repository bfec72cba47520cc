import type { TenantId } from '../core/identity/ids.ts';
import { createBoundedMap } from '../edge/bounded-map.ts';
import type { WaitUntil } from '../edge/wait-until.ts';
import { OpenTenant } from './open-tenant.ts';
import type { TenantPorts } from './ports.ts';
import type { TenantHandle } from './tenant-handle.ts';
import { TenantMemory } from './tenant-memory.ts';
import { createUnprovedCounts } from './unproved-counts.ts';

/** Tenants that an isolate keeps. One more replaces the least recently used, whose open calls go on with their memory. */
const MAX_TENANTS = 10_000;
/** Tenants checked for idleness when a new one arrives. More than one, so that idle ones run out. */
const LOOKED_AT = 3;

/** An isolate's memory of tenants: who they are, what is leased to it, and what it has to report. */
export interface Tenants {
  /** @param waitUntil keeps promises alive after the call's answer. */
  open(tenantId: TenantId, waitUntil: WaitUntil): TenantHandle;
  /** Forgets who a tenant is, because this isolate has just changed it. */
  invalidate(tenantId: TenantId): void;
}

/** One for each isolate. */
export function createTenants(ports: TenantPorts): Tenants {
  const { now } = ports;
  const unproved = createUnprovedCounts(now);
  const memories = createBoundedMap<TenantId, TenantMemory>(MAX_TENANTS);

  const add = (tenantId: TenantId): TenantMemory => {
    dropIdle();
    const memory = new TenantMemory(tenantId, ports, unproved);
    memories.set(tenantId, memory);
    return memory;
  };

  const dropIdle = () => {
    const nowMs = now();
    let looked = 0;
    for (const [tenantId, memory] of memories.entries()) {
      if (memory.isIdle(nowMs)) memories.delete(tenantId);
      else memories.set(tenantId, memory); // behind those not checked yet
      looked++;
      if (looked === LOOKED_AT) break;
    }
  };

  return {
    open(tenantId, waitUntil) {
      const memory = memories.get(tenantId) ?? add(tenantId);
      memory.lastUsedAtMs = now();
      return new OpenTenant(memory, waitUntil);
    },
    invalidate: (tenantId) => memories.peek(tenantId)?.client.known.invalidate(now()),
  };
}
