import { needOf, type Operation, PARAMS, paramsOf } from './operation.ts';

/** Problems that every operation may answer with. */
const ALWAYS = {
  401: 'The admin token is missing, malformed, expired or revoked.',
  405: 'The path does not support this method. `Allow` lists the methods that it supports.',
  421: 'POSTERN_HOSTS does not list the host of the request.',
  500: 'An unexpected error. The log has the cause, under the request id.',
  503: 'The state of the tenant or of the directory cannot be read. `detail` says why.',
};

const NOT_ALLOWED =
  'The request came over plain HTTP, or from an address that POSTERN_ADMIN_IP_ALLOW does not include.';

const WITH_BODY = {
  413: 'The body is too large.',
  415: 'The `Content-Type` of the body is not JSON.',
};

/** Returns the descriptions of the problems that an operation may answer with, by status. */
export function describeProblems(operation: Operation): Readonly<Record<number, string>> {
  const { path, query, body, isConditional, problems = {} } = operation;
  const params = paramsOf(path);
  const missing = params.length > 0 && `There is no such ${params.map((name) => PARAMS[name]).join(' or ')}.`;
  const notFound = problems[404] ?? missing;
  // A tenant's id contains the version of the root key that verifies the id.
  const unverified = params.includes('tenantId') && 'POSTERN_ROOT_KEYS lacks the root key version of the tenant.';
  const conflicts = [problems[409], unverified].filter(Boolean).join(' Or: ');
  const isChange = needOf(operation) === 'change';
  const full = isChange ? 'The audit trail or the storage is full. Nothing was changed.' : problems[507];
  return {
    ...((query || body) && { 400: 'A field is missing or invalid. `errors` lists each.' }),
    ...ALWAYS,
    403: isChange ? `The admin token is read-only. Or: ${NOT_ALLOWED}` : NOT_ALLOWED,
    ...(notFound && { 404: notFound }),
    ...(conflicts && { 409: conflicts }),
    ...(isConditional && { 412: 'The tenant is at none of the versions in `If-Match`. Nothing was changed.' }),
    ...(body && WITH_BODY),
    ...(full && { 507: full }),
  };
}
