import type * as z from 'zod';
import './issue-words.ts';

/** The place and the explanation of a fault in one field. */
export interface FieldFault {
  /** A JSON pointer into the body, in URI fragment form (RFC 6901 section 6), or the name of a query parameter. */
  readonly pointer: string;
  readonly detail: string;
}

/** Escapes a name so that it can be a step of a JSON pointer (RFC 6901 section 3). */
export const escapePointer = (name: string): string => name.replaceAll('~', '~0').replaceAll('/', '~1');

/** Writes a path into a document as a JSON pointer. */
export const toPointer = (path: readonly PropertyKey[]): string =>
  ['#', ...path.map((part) => encodeURIComponent(escapePointer(String(part))))].join('/');

/**
 * Turns the issues that a schema found into field faults. Each unknown field gets a separate fault with a pointer to
 * the field.
 */
export function toFieldFaults(issues: readonly z.core.$ZodIssue[], inQuery = false): FieldFault[] {
  const where = (path: readonly PropertyKey[]) => (inQuery ? path.join('.') : toPointer(path));
  return issues.flatMap((issue) =>
    issue.code === 'unrecognized_keys'
      ? issue.keys.map((key) => ({
          pointer: where([...issue.path, key]),
          detail: 'is not a field that this version of Postern knows',
        }))
      : [{ pointer: where(issue.path), detail: issue.message }],
  );
}
