import { invalidBody, ProblemError } from './problem.ts';

const MAX_EXPIRY_MS = Date.UTC(2200, 0);

/** Refuses an `expiresAt` in the past or after the year 2199. @throws ProblemError */
export function assertExpiry(expiresAtMs: number | null): void {
  if (expiresAtMs === null || (expiresAtMs > Date.now() && expiresAtMs <= MAX_EXPIRY_MS)) return;
  throw new ProblemError(
    invalidBody([{ pointer: '#/expiresAt', detail: 'must be in the future, and before the year 2200' }]),
  );
}
