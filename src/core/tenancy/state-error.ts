import type { TenantId } from '../identity/ids.ts';

/**
 * Why an object failed: its disk is full, its file is damaged, the runtime could not open it (only the runtime's log says
 * why), it is empty but should not be, it is overloaded, or another cause.
 */
export type StateFailure = 'full' | 'corrupt' | 'unopened' | 'empty' | 'overloaded' | 'other';

/** A failure of an object, with the object's name, which errors of SQLite and the runtime lack. */
export class StateError extends Error {
  /** A tenant's id, or `directory`. */
  readonly object: TenantId | 'directory';
  readonly failure: StateFailure;

  constructor(object: TenantId | 'directory', failure: StateFailure, message: string, cause?: unknown) {
    super(`${object === 'directory' ? 'the directory' : `tenant ${object}`}: ${message}`, { cause });
    this.object = object;
    this.failure = failure;
  }
}

const FAILURES: readonly (readonly [RegExp, StateFailure])[] = [
  [/SQLITE_FULL|disk is full|ENOSPC|No space left/i, 'full'],
  [/SQLITE_CORRUPT|SQLITE_NOTADB|malformed|not a database/i, 'corrupt'],
  [/^internal error; reference = /, 'unopened'],
];

/** Adds the object's name and the kind of failure to an error. */
export function toStateError(object: TenantId | 'directory', error: unknown): StateError {
  if (error instanceof StateError) return error;
  const message = error instanceof Error ? error.message : String(error);
  const { overloaded } = error as { overloaded?: boolean };
  const known = FAILURES.find(([pattern]) => pattern.test(message))?.[1];
  return new StateError(object, known ?? (overloaded ? 'overloaded' : 'other'), message, error);
}
