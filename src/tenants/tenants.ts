import type { TenantId } from '../core/identity/ids.ts';
import { createBoundedMap } from '../edge/bounded-map.ts';
import type { WaitUntil } from '../edge/wait-until.ts';
import { OpenTenant } from './open-tenant.ts';
import type { TenantPorts } from './ports.ts';
import type { TenantHandle } from './tenant-handle.ts';
import { TenantMemory } from './tenant-memory.ts';
import { createUnprovedCounts } from './unproved-counts.ts';

/**
 * Maximum number of tenants that an isolate keeps. Another tenant replaces the least recently used tenant, whose open calls
 * keep its memory.
 */
const MAX_TENANTS = 10_000;
/** Number of tenants checked for idleness when a new tenant arrives. More than 1, so that idle tenants do not accumulate. */
const LOOKED_AT = 3;

/**
 * An isolate's memory of tenants: their settings, the leases that the isolate holds, and the usage that it has to report.
 */
export interface Tenants {
  /** @param waitUntil keeps promises alive after the call's answer. */
  open(tenantId: TenantId, waitUntil: WaitUntil): TenantHandle;
  /** Forgets the settings of a tenant that this isolate has just changed. */
  invalidate(tenantId: TenantId): void;
}

/** Creates the memory of tenants. Call this function once for each isolate. */
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
      else memories.set(tenantId, memory); // moves this tenant behind the unchecked tenants
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
