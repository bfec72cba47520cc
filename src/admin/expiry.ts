import { invalidBody, ProblemError } from './problem.ts';

const MAX_EXPIRY_MS = Date.UTC(2200, 0);

/** Refuses an `expiresAt` that is past, or so far off that it means never. @throws ProblemError */
export function assertExpiry(expiresAtMs: number | null): void {
  if (expiresAtMs === null || (expiresAtMs > Date.now() && expiresAtMs <= MAX_EXPIRY_MS)) return;
  throw new ProblemError(invalidBody([{ pointer: '#/expiresAt', detail: 'must be in the future, before 2200' }]));
}
