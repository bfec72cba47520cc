import type { TenantId } from '../identity/ids.ts';

/**
 * Why an object failed: the disk is full, the object's file is damaged, the runtime could not open the object (only the
 * runtime's log says why), the object is unexpectedly empty, the object is overloaded, or there is another cause.
 */
export type StateFailure = 'full' | 'corrupt' | 'unopened' | 'empty' | 'overloaded' | 'other';

/** A failure of an object. Includes the name of the object, which errors from SQLite and the runtime do not. */
export class StateError extends Error {
  /** The tenant's id, or `directory`. */
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
