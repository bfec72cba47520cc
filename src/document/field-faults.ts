import type * as z from 'zod';
import './issue-words.ts';

/** What is wrong with one field: where, and a sentence. */
export interface FieldFault {
  /** A JSON pointer into the body, in URI fragment form (RFC 6901 section 6), or the name of a query parameter. */
  readonly pointer: string;
  readonly detail: string;
}

/** A name as a step of a JSON pointer (RFC 6901 section 3). */
export const escapePointer = (name: string): string => name.replaceAll('~', '~0').replaceAll('/', '~1');

/** A path into a document as a JSON pointer. */
export const toPointer = (path: readonly PropertyKey[]): string =>
  ['#', ...path.map((part) => encodeURIComponent(escapePointer(String(part))))].join('/');

/** Turns what a schema found into the fields that are wrong. Each unknown field is named, with its own pointer. */
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
