import type * as z from 'zod';

/** What is wrong with one field: where, and a sentence. */
export interface FieldFault {
  /** Of the body: a JSON pointer in URI fragment form (RFC 6901 section 6). Of the query: the parameter's name. */
  readonly pointer: string;
  readonly detail: string;
}

/** An admin error: RFC 9457 problem details. */
export interface Problem {
  readonly status: 400 | 401 | 403 | 404 | 405 | 409 | 412 | 413 | 415 | 500 | 507;
  readonly title: string;
  readonly detail: string;
  readonly errors?: readonly FieldFault[];
  /** Tells problems of one status apart, for scripts. */
  readonly reason?: 'already-rotated' | 'audit-full';
  /** Of a key that was rotated already: the key in its place. */
  readonly successor?: string;
}

/** A problem on its way out of a handler. */
export class ProblemError extends Error {
  readonly problem: Problem;

  constructor(problem: Problem) {
    super(problem.detail);
    this.problem = problem;
  }
}

export const notFound = (what: string): ProblemError =>
  new ProblemError({ status: 404, title: 'Not found', detail: `There is no such ${what}.` });

/** Young entries of the audit trail are never dropped; the root token may still change things. */
export const trailFull = (): ProblemError =>
  new ProblemError({
    status: 507,
    title: 'Audit trail full',
    reason: 'audit-full',
    detail:
      'The audit trail has no room for more entries, and those younger than 90 days are kept. Nothing was changed. ' +
      'Only POSTERN_ADMIN_TOKEN may still make changes; every token may revoke and delete.',
  });

export function answerProblem(problem: Problem, headers: Readonly<Record<string, string>> = {}): Response {
  const type = problem.reason === undefined ? 'about:blank' : `urn:postern:problem:${problem.reason}`;
  return new Response(JSON.stringify({ type, ...problem }), {
    status: problem.status,
    headers: {
      'content-type': 'application/problem+json',
      'cache-control': 'no-store',
      ...(problem.status === 401 && { 'www-authenticate': 'Bearer realm="postern"' }),
      ...headers,
    },
  });
}

/** A path into a document as a JSON pointer. */
export function toPointer(path: readonly PropertyKey[]): string {
  return [
    '#',
    ...path.map((part) => encodeURIComponent(String(part).replaceAll('~', '~0').replaceAll('/', '~1'))),
  ].join('/');
}

/** Turns what a schema found into the fields that are wrong. An unknown field is named, each with its own pointer. */
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

export function invalidBody(errors: readonly FieldFault[]): Problem {
  const [first] = errors;
  const more = errors.length > 1 ? ` (and ${errors.length - 1} more)` : '';
  const detail = first ? `${first.pointer}: ${first.detail}${more}` : 'The request is not valid.';
  return { status: 400, title: 'Invalid request', detail, errors };
}
