import type { StateError } from '../core/tenancy/state-error.ts';
import type { FieldFault } from '../document/field-faults.ts';

export const PROBLEM_REASONS = [
  'already-rotated',
  'audit-full',
  'storage-full',
  'state-damaged',
  'state-unopened',
  'state-empty',
  'root-key-missing',
] as const;
export type ProblemReason = (typeof PROBLEM_REASONS)[number];

/** An admin error: RFC 9457 problem details. */
export interface Problem {
  readonly status: 400 | 401 | 403 | 404 | 405 | 409 | 412 | 413 | 415 | 421 | 500 | 503 | 507;
  readonly title: string;
  readonly detail: string;
  readonly errors?: readonly FieldFault[];
  /** Tells problems of one status apart, for scripts. */
  readonly reason?: ProblemReason;
  /** The key that replaces one that was already rotated. */
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

/** Entries younger than 90 days are never dropped. The root token may still make changes. */
export const trailFull = (): ProblemError =>
  new ProblemError({
    status: 507,
    title: 'Audit trail full',
    reason: 'audit-full',
    detail:
      'The audit trail is full, and entries younger than 90 days are kept. Nothing was changed. ' +
      'Use POSTERN_ADMIN_TOKEN to make changes. Any full-access token may still revoke and delete.',
  });

/** The problem to show for an object that failed, if the operator can do something about it. */
export function problemOfState({ object, failure }: StateError): Problem | undefined {
  const whose = object === 'directory' ? 'the directory' : `tenant ${object}`;
  switch (failure) {
    case 'full': {
      const detail = 'Storage is full. Nothing was changed. Free disk space where the state is kept, then try again.';
      return { status: 507, title: 'Insufficient storage', reason: 'storage-full', detail };
    }
    case 'corrupt': {
      const detail = `The database of ${whose} is damaged. Restore its file from a backup.`;
      return { status: 503, title: 'State unavailable', reason: 'state-damaged', detail };
    }
    case 'unopened': {
      const detail = `The object of ${whose} cannot be opened. If this persists, its database is damaged: restore its file from a backup. The log has the cause.`;
      return { status: 503, title: 'State unavailable', reason: 'state-unopened', detail };
    }
    case 'empty': {
      const detail = `${whose[0]?.toUpperCase()}${whose.slice(1)} is on the list, but its database is empty. Restore its file from a backup, or delete the tenant.`;
      return { status: 503, title: 'State unavailable', reason: 'state-empty', detail };
    }
    default:
      return undefined;
  }
}

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

export function invalidBody(errors: readonly FieldFault[]): Problem {
  const [first] = errors;
  const more = errors.length > 1 ? ` (and ${errors.length - 1} more)` : '';
  const detail = first ? `${first.pointer}: ${first.detail}${more}` : 'The request is not valid.';
  return { status: 400, title: 'Invalid request', detail, errors };
}
