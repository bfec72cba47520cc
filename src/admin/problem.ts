import type { StateError } from '../core/tenancy/state-error.ts';
import type { FieldFault } from '../document/field-faults.ts';
import type { Failure } from '../operator/failure.ts';

export const PROBLEM_REASONS = [
  'already-rotated',
  'audit-full',
  'storage-full',
  'state-damaged',
  'state-unopened',
  'state-empty',
  'root-key-missing',
  'root-key-wrong',
] as const;
export type ProblemReason = (typeof PROBLEM_REASONS)[number];

/** An admin error: RFC 9457 problem details. */
export interface Problem {
  readonly status: 400 | 401 | 403 | 404 | 405 | 409 | 412 | 413 | 415 | 421 | 500 | 503 | 507;
  readonly title: string;
  readonly detail: string;
  readonly errors?: readonly FieldFault[];
  /** Lets scripts distinguish problems with the same status. */
  readonly reason?: ProblemReason;
  /** The id of the key that replaces an already rotated key. */
  readonly successor?: string;
}

const conflict = (title: string, detail: string): Problem => ({ status: 409, title, detail });

/** Returns the problem to show for an operation that failed. */
export function problemOf(failure: Failure): Problem {
  switch (failure.kind) {
    case 'access':
      return { status: 403, title: 'Read-only', detail: 'This admin token may only read.' };
    case 'not-found':
      return { status: 404, title: 'Not found', detail: `There is no such ${failure.what}.` };
    case 'root-key-missing': {
      const { tenant, version } = failure;
      const detail = `${tenant} needs root key version ${version}, which is missing from POSTERN_ROOT_KEYS. Put that version back, after the first.`;
      return { ...conflict('Root key missing', detail), reason: 'root-key-missing' };
    }
    case 'root-key-wrong': {
      const { tenant, version } = failure;
      const detail = `${tenant} was created with another root key of version ${version} than the one in POSTERN_ROOT_KEYS. Put that root key back.`;
      return { ...conflict('Root key wrong', detail), reason: 'root-key-wrong' };
    }
    case 'invalid':
      return invalidRequest(failure.faults);
    case 'other-version': {
      const now = failure.version === undefined ? '' : `: it is at version ${failure.version}`;
      const detail = `The tenant has changed since${now}. Read it again; nothing was done.`;
      return { status: 412, title: 'Precondition failed', detail };
    }
    case 'trail-full': {
      const detail =
        'The audit trail is full, and entries younger than 90 days are kept. Nothing was changed. ' +
        'Use POSTERN_ADMIN_TOKEN to make changes. Any full-access token may still revoke and delete.';
      return { status: 507, title: 'Audit trail full', reason: 'audit-full', detail };
    }
    case 'too-many-keys':
      return conflict(
        'Too many keys',
        `A tenant has at most ${failure.max} keys. Revoke one that is not needed any more.`,
      );
    case 'too-many-tokens':
      return conflict('Conflict', `There may be ${failure.max} admin tokens. Revoke one that is not needed any more.`);
    case 'key-expired':
      return conflict('Expired', 'The key has expired. Make a new one.');
    case 'name-taken': {
      const detail =
        'An admin token has or had this name. The audit trail shows names, so none is used twice. Choose another.';
      return conflict('Conflict', detail);
    }
    case 'already-rotated': {
      const { successor } = failure;
      const detail = `This key was already rotated: ${successor} replaces it. The secret of ${successor} is not shown again. If you lost it, make a new key and revoke ${successor}.`;
      return { ...conflict('Already rotated', detail), reason: 'already-rotated', successor };
    }
  }
}

/** Returns the problem to show for a request whose body or query has faults. */
export function invalidRequest(faults: readonly FieldFault[]): Problem {
  const [first] = faults;
  const more = faults.length > 1 ? ` (and ${faults.length - 1} more)` : '';
  const detail = first ? `${first.pointer}: ${first.detail}${more}` : 'The request is not valid.';
  return { status: 400, title: 'Invalid request', detail, errors: faults };
}

/** Returns the problem to show for a failed object. Undefined if the operator can do nothing about the failure. */
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
