import { err, ok, type Result } from '../core/result.ts';
import type { Failure } from './failure.ts';

const MAX_EXPIRY_MS = Date.UTC(2200, 0);

/** Checks the expiry of a key or token, in epoch milliseconds: null for never, or in the future and before the year 2200. */
export function checkExpiry(expiresAtMs: number | null, nowMs: number): Result<undefined, Failure> {
  if (expiresAtMs === null || (expiresAtMs > nowMs && expiresAtMs <= MAX_EXPIRY_MS)) return ok(undefined);
  const detail = 'must be in the future, and before the year 2200';
  return err({ kind: 'invalid', faults: [{ pointer: '#/expiresAt', detail }] });
}
