const MAX_AGE_SECONDS = 600;
/** Maximum length in characters. The host name in an origin has at most 253. */
const MAX_ORIGIN_LENGTH = 512;
const HEADER_NAMES = /^[a-z0-9\-, ]{1,2000}$/i;
const EXPOSED =
  'date, ratelimit, ratelimit-policy, retry-after, x-amz-durable-execution-arn, x-amz-executed-version, x-amz-function-error, x-amz-log-result, x-amzn-errortype, x-amzn-requestid, x-amzn-trace-id, x-postern-refusal, x-postern-started';

/**
 * Answers a preflight (Fetch standard, "CORS-preflight request"). A preflight carries no key, so the tenant is unknown and
 * every page may go on to call. The call itself carries the key, and its tenant decides whether the page may call. A page
 * that the tenant does not allow cannot read the answer to a proved call. Undefined if the request is not a preflight.
 */
export function answerPreflight(request: Request): Response | undefined {
  if (request.method !== 'OPTIONS') return undefined;
  const origin = request.headers.get('origin');
  if (origin === null || origin.length > MAX_ORIGIN_LENGTH) return undefined;
  if (request.headers.get('access-control-request-method') !== 'POST') return undefined;
  const asked = request.headers.get('access-control-request-headers') ?? '';
  return new Response(null, {
    status: 204,
    headers: {
      'access-control-allow-origin': origin,
      'access-control-allow-methods': 'POST',
      ...(HEADER_NAMES.test(asked) && { 'access-control-allow-headers': asked }),
      'access-control-max-age': String(MAX_AGE_SECONDS),
      vary: 'origin, access-control-request-method, access-control-request-headers',
    },
  });
}

/** Lets a page of this origin read an answer. Never allows the browser's own credentials, such as cookies. */
export function allowOrigin(headers: Record<string, string>, origin: string): void {
  headers['access-control-allow-origin'] = origin;
  headers['access-control-expose-headers'] = EXPOSED;
  headers.vary = 'origin';
}
