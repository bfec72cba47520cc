import type { TenantId } from '../core/identity/ids.ts';
import { stackOf } from './log.ts';

/** Minimum milliseconds between two log lines. */
const MIN_GAP_MS = 1_000;
/** Maximum number of tenants that wait for a log line. */
const MAX_WAITING = 20;

/** Called for each failure of a tenant's object. */
export type OnFailure = (tenantId: TenantId, error: unknown) => void;

/**
 * Logs why tenants' objects fail. Writes at most one line a second, because on a full disk every call fails. Each line
 * gives the cause for one tenant and names the other tenants that wait for a line, so that no tenant hides another.
 */
export function createFailureLog(log: (line: object) => void, now: () => number): OnFailure {
  let loggedAtMs = Number.NEGATIVE_INFINITY;
  let failures = 0;
  let last: TenantId | undefined;
  const waiting = new Map<TenantId, unknown>();
  return (tenantId, error) => {
    failures++;
    if (waiting.has(tenantId) || waiting.size < MAX_WAITING) waiting.set(tenantId, error);
    const nowMs = now();
    if (nowMs - loggedAtMs < MIN_GAP_MS && nowMs >= loggedAtMs) return;
    const named = [...waiting.keys()].find((id) => id !== last) ?? tenantId;
    const why = waiting.get(named);
    waiting.delete(named);
    log({
      level: 'error',
      tenant: named,
      error: stackOf(why),
      ...(failures > 1 && { failures }),
      ...(waiting.size > 0 && { otherTenants: [...waiting.keys()] }),
    });
    loggedAtMs = nowMs;
    last = named;
    failures = 0;
  };
}
