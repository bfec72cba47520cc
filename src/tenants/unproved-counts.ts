import type { TenantId } from '../core/identity/ids.ts';
import { createBoundedMap } from '../edge/bounded-map.ts';

/** Attempts that named a tenant without proof, and that its object has not heard of yet. */
export interface UnprovedCounts {
  add(tenantId: TenantId): void;
  /** How many there are to tell; they are on their way then. */
  take(tenantId: TenantId): number;
  /** When to report the counts even if there is nothing else to report; undefined if there are none. */
  dueAtMs(tenantId: TenantId): number | undefined;
}

/** However many attempts come, an object hears of them no more often than this. */
const SOON_MS = 1_000;
const INTERVAL_MS = 4_000;
/** Tenants that are kept apart. */
const MAX_TENANTS = 10_000;

interface Count {
  attempts: number;
  sinceMs: number;
  toldAtMs: number;
}

/** The isolate keeps the counts, and they are lost with it: anybody can cause them, so none is worth a write. */
export function createUnprovedCounts(now: () => number): UnprovedCounts {
  const counts = createBoundedMap<TenantId, Count>(MAX_TENANTS);
  return {
    add(tenantId) {
      const count = counts.get(tenantId) ?? { attempts: 0, sinceMs: 0, toldAtMs: Number.NEGATIVE_INFINITY };
      if (count.attempts === 0) count.sinceMs = now();
      count.attempts++;
      counts.set(tenantId, count);
    },
    take(tenantId) {
      const count = counts.get(tenantId);
      if (!count || count.attempts === 0) return 0;
      const { attempts } = count;
      count.attempts = 0;
      count.toldAtMs = now();
      return attempts;
    },
    dueAtMs(tenantId) {
      const count = counts.get(tenantId);
      if (!count || count.attempts === 0) return undefined;
      return Math.max(count.sinceMs + SOON_MS, count.toldAtMs + INTERVAL_MS);
    },
  };
}
