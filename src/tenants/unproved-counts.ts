import type { TenantId } from '../core/identity/ids.ts';
import { createBoundedMap } from '../edge/bounded-map.ts';

/** Counts of the attempts that named a tenant without proof and are not yet reported to the tenant's object. */
export interface UnprovedCounts {
  add(tenantId: TenantId): void;
  /** Returns the number of attempts to report, and marks these attempts as reported. */
  take(tenantId: TenantId): number;
  /**
   * Time (epoch ms) at which to report the attempts even if nothing else needs a report. Undefined if there are no
   * attempts.
   */
  dueAtMs(tenantId: TenantId): number | undefined;
}

/** Attempts are reported within this many milliseconds, and then at most once per `INTERVAL_MS`, however many arrive. */
const SOON_MS = 1_000;
const INTERVAL_MS = 4_000;
/** Maximum number of tenants with a count. Another tenant replaces the least recently used count. */
const MAX_TENANTS = 10_000;

interface Count {
  attempts: number;
  sinceMs: number;
  toldAtMs: number;
}

/**
 * Keeps the counts only in memory, where they end with the isolate. Anybody can cause attempts, so the counts are not worth
 * a write.
 */
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
