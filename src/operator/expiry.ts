import { err, ok, type Result } from '../core/result.ts';
import type { Failure } from './failure.ts';

const MAX_EXPIRY_MS = Date.UTC(2200, 0);

/** Checks that an expiry (epoch milliseconds) is in the future and before the year 2200. Null means never, and is valid. */
export function checkExpiry(expiresAtMs: number | null, nowMs: number): Result<undefined, Failure> {
  if (expiresAtMs === null || (expiresAtMs > nowMs && expiresAtMs <= MAX_EXPIRY_MS)) return ok(undefined);
  const detail = 'must be in the future, and before the year 2200';
  return err({ kind: 'invalid', faults: [{ pointer: '#/expiresAt', detail }] });
}
