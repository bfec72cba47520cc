import type { TenantId } from '../core/identity/ids.ts';
import { createBoundedMap } from '../edge/bounded-map.ts';

/** Attempts that named a tenant without proof and that are not reported to its object yet. */
export interface UnprovedCounts {
  add(tenantId: TenantId): void;
  /** Takes the number of attempts to report. They then count as reported. */
  take(tenantId: TenantId): number;
  /** When to report the counts even if there is nothing else to report; undefined if there are none. */
  dueAtMs(tenantId: TenantId): number | undefined;
}

/** Attempts are reported this soon, and then at most once per interval, however many come. */
const SOON_MS = 1_000;
const INTERVAL_MS = 4_000;
/** Tenants that are counted separately. */
const MAX_TENANTS = 10_000;

interface Count {
  attempts: number;
  sinceMs: number;
  toldAtMs: number;
}

/** The counts live in the isolate and are lost with it: anybody can cause them, so they are not worth a write. */
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
