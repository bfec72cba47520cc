import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { describe, expect, it } from 'vitest';
import { LAMBDA_ERRORS, type LambdaErrorName } from '../../src/core/invoke/errors.ts';
import { roomOfOperation } from '../../src/core/policy/payload-room.ts';
import { LIMIT_NAMES } from '../../src/core/quota/limits.ts';
import {
  REFUSALS,
  type Refusal,
  type RefusalReason,
  refuse,
  refuseLimit,
  refuseLost,
  renderRefusal,
} from '../../src/core/refusal.ts';
import { readSources } from '../support/source.ts';

const pattern = { kind: 'pattern' } as const;

/** One case for each reason: the refusal, its status, its type, and words that its message has to hold. */
const CASES: Readonly<Record<RefusalReason, readonly [Refusal, number, LambdaErrorName, string]>> = {
  'unknown-path': [
    refuse('unknown-path', '/base/2015-03-31/functions/f/invocations'),
    404,
    'AccessDeniedException',
    "Unable to determine service/operation name to be authorized: the path begins with the prefix '/base', which is not",
  ],
  'uri-too-long': [refuse('uri-too-long', 'path', 1_024), 414, 'RequestTooLargeException', 'path has more than 1024'],
  'headers-too-many': [refuse('headers-too-many', 256), 431, 'RequestTooLargeException', '256 headers'],
  'parameters-too-many': [refuse('parameters-too-many', 64), 400, 'InvalidParameterValueException', '64 parameters'],
  'credentials-too-long': [
    refuse('credentials-too-long', 'x-api-key', 256),
    403,
    'UnrecognizedClientException',
    "'x-api-key' has more than 256 characters",
  ],
  'signature-too-large': [
    refuse('signature-too-large', 'what is too large'),
    403,
    'InvalidSignatureException',
    'what is too large',
  ],
  'payload-not-signed': [
    refuse('payload-not-signed', 'UNSIGNED-PAYLOAD'),
    403,
    'InvalidSignatureException',
    "'x-amz-content-sha256: UNSIGNED-PAYLOAD' is not supported",
  ],
  'parameter-unknown': [
    refuse('parameter-unknown', 'X-Amz-New'),
    400,
    'InvalidParameterValueException',
    "'X-Amz-New' is not an argument",
  ],
  'argument-repeated': [
    refuse('argument-repeated', 'x-amz-log-type', 'X-Amz-Log-Type'),
    400,
    'InvalidParameterValueException',
    "as a header and as the query parameter 'X-Amz-Log-Type'",
  ],
  'method-not-allowed': [refuse('method-not-allowed'), 405, 'AccessDeniedException', 'Unable to determine service'],
  'payload-too-large': [
    refuse('payload-too-large', roomOfOperation('Invoke', 'Event'), 2_236_568),
    413,
    'RequestTooLargeException',
    '2236568 byte payload is too large for the Event invocation type (limit 1048576 bytes)',
  ],
  'host-not-served': [refuse('host-not-served'), 421, 'AccessDeniedException', 'does not serve the host'],
  'no-credentials': [
    refuse('no-credentials'),
    403,
    'MissingAuthenticationTokenException',
    'Missing Authentication Token',
  ],
  'credentials-ambiguous': [
    refuse('credentials-ambiguous'),
    403,
    'InvalidSignatureException',
    "Found both 'x-api-key'",
  ],
  'signature-ambiguous': [
    refuse('signature-ambiguous'),
    403,
    'InvalidSignatureException',
    "Found both 'X-Amz-Algorithm' as a query-string param",
  ],
  'signature-incomplete': [
    refuse('signature-incomplete', 'what is missing'),
    403,
    'IncompleteSignatureException',
    'what is missing',
  ],
  'host-not-signed': [refuse('host-not-signed'), 403, 'InvalidSignatureException', "'Host' must be a 'SignedHeader'"],
  'signature-expired': [
    refuse('signature-expired', 'Signature expired: x'),
    403,
    'InvalidSignatureException',
    'Signature expired: x',
  ],
  'signature-scope': [
    refuse('signature-scope', 'Credential should be'),
    403,
    'InvalidSignatureException',
    'Credential should be',
  ],
  'session-token': [
    refuse('session-token'),
    403,
    'UnrecognizedClientException',
    'The security token included in the request is invalid',
  ],
  'header-not-signed': [
    refuse('header-not-signed', 'x-amz-log-type'),
    403,
    'InvalidSignatureException',
    "'x-amz-log-type' must be",
  ],
  'signature-mismatch': [
    refuse('signature-mismatch'),
    403,
    'InvalidSignatureException',
    'The request signature we calculated does not match',
  ],
  'presigned-too-long': [refuse('presigned-too-long', 60), 403, 'AccessDeniedException', '60 seconds'],
  'plain-http': [refuse('plain-http'), 403, 'AccessDeniedException', 'https'],
  'key-malformed': [refuse('key-malformed'), 403, 'UnrecognizedClientException', 'security token'],
  'key-mistyped': [refuse('key-mistyped'), 403, 'UnrecognizedClientException', 'security token'],
  'key-unknown': [refuse('key-unknown'), 403, 'UnrecognizedClientException', 'security token'],
  'key-revoked': [refuse('key-revoked'), 403, 'UnrecognizedClientException', 'security token'],
  'token-malformed': [
    refuse('token-malformed'),
    403,
    'UnrecognizedClientException',
    'token included in the request is',
  ],
  'token-audience': [refuse('token-audience'), 403, 'UnrecognizedClientException', "'aud' must be 'postern:'"],
  'token-not-accepted': [refuse('token-not-accepted'), 403, 'UnrecognizedClientException', 'is invalid.'],
  'token-expired': [refuse('token-expired'), 403, 'ExpiredTokenException', 'is expired'],
  'token-claims': [refuse('token-claims', 'sub'), 403, 'AccessDeniedException', "claim 'sub' is not one"],
  'issuer-unavailable': [refuse('issuer-unavailable'), 503, 'ServiceException', 'Nothing was sent to Lambda'],
  'key-expired': [refuse('key-expired'), 403, 'ExpiredTokenException', 'is expired'],
  'tenant-suspended': [refuse('tenant-suspended', 't1_x'), 403, 'AccessDeniedException', 't1_x is suspended'],
  'function-not-allowed': [
    refuse('function-not-allowed', 't1_x', 'orders'),
    403,
    'AccessDeniedException',
    'User: t1_x is not authorized to perform: lambda:InvokeFunction on resource: orders because no identity-based policy allows the lambda:InvokeFunction action',
  ],
  'qualifier-not-allowed': [
    refuse('qualifier-not-allowed', 't', 'f'),
    403,
    'AccessDeniedException',
    'version or alias',
  ],
  'type-not-allowed': [refuse('type-not-allowed', 't', 'f'), 403, 'AccessDeniedException', 'invocation type'],
  'log-tail-not-allowed': [refuse('log-tail-not-allowed', 't', 'f'), 403, 'AccessDeniedException', 'LogType Tail'],
  'tenant-id-not-allowed': [refuse('tenant-id-not-allowed', 't', 'f'), 403, 'AccessDeniedException', 'X-Amz-Tenant-Id'],
  'durable-names-not-allowed': [
    refuse('durable-names-not-allowed', 't', 'f'),
    403,
    'AccessDeniedException',
    'X-Amz-Durable-Execution-Name',
  ],
  'durable-names-unavailable': [refuse('durable-names-unavailable'), 500, 'ServiceException', 'Tell the operator'],
  'client-context-not-allowed': [
    refuse('client-context-not-allowed', 't', 'f'),
    403,
    'AccessDeniedException',
    'X-Amz-Client-Context',
  ],
  'function-elsewhere': [
    refuse('function-elsewhere', 't', 'f'),
    403,
    'AccessDeniedException',
    'only those in its own account and region',
  ],
  'function-denied': [refuse('function-denied', 't', 'f'), 403, 'AccessDeniedException', 'with an explicit deny'],
  'address-not-allowed': [refuse('address-not-allowed', 't', 'f'), 403, 'AccessDeniedException', 'this address'],
  'origin-not-allowed': [refuse('origin-not-allowed', 't', 'f'), 403, 'AccessDeniedException', 'this web page'],
  busy: [refuse('busy'), 503, 'ServiceException', 'in flight'],
  'payload-incomplete': [refuse('payload-incomplete'), 400, 'InvalidRequestContentException', 'before it was complete'],
  'function-name': [
    refuse('function-name', 'a!', pattern),
    400,
    'InvalidParameterValueException',
    "1 validation error detected: Value 'a!' at 'functionName' failed to satisfy constraint: Member must satisfy regular expression pattern: (arn:(aws[a-zA-Z-]*)?:lambda:)?",
  ],
  qualifier: [
    refuse('qualifier', 'invalid!', pattern),
    400,
    'InvalidParameterValueException',
    "Value 'invalid!' at 'qualifier' failed to satisfy constraint: Member must satisfy regular expression pattern: \\$(LATEST(\\.PUBLISHED)?)|[a-zA-Z0-9-_$]+",
  ],
  'qualifier-mismatch': [
    refuse('qualifier-mismatch'),
    400,
    'InvalidParameterValueException',
    'The derived qualifier from the function name does not match the specified qualifier.',
  ],
  'query-malformed': [refuse('query-malformed'), 400, 'InvalidParameterValueException', 'query string'],
  'parameter-repeated': [refuse('parameter-repeated', 'Qualifier'), 400, 'InvalidParameterValueException', 'Qualifier'],
  'header-repeated': [
    refuse('header-repeated', 'x-amz-log-type'),
    400,
    'InvalidParameterValueException',
    'x-amz-log-type',
  ],
  'invocation-type': [
    refuse('invocation-type', 'dry_run', ['DryRun', 'RequestResponse', 'Event']),
    400,
    'InvalidParameterValueException',
    "Value 'dry_run' at 'invocationType' failed to satisfy constraint: Member must satisfy enum value set: [DryRun, RequestResponse, Event]",
  ],
  'log-type': [refuse('log-type', 'tail'), 400, 'InvalidParameterValueException', "'tail' at 'logType'"],
  'client-context-too-long': [
    refuse('client-context-too-long', 3_584),
    400,
    'InvalidParameterValueException',
    'Member must have length less than or equal to 3583',
  ],
  'client-context': [
    refuse('client-context'),
    400,
    'InvalidRequestContentException',
    'Client context must be a valid Base64-encoded JSON object.',
  ],
  'tenant-id': [refuse('tenant-id', 'a,b', false), 400, 'InvalidParameterValueException', "at 'tenantId'"],
  'durable-execution-name': [
    refuse('durable-execution-name', 'a b', false),
    400,
    'InvalidParameterValueException',
    "at 'durableExecutionName'",
  ],
  'content-type': [
    refuse('content-type', 'text/plain'),
    415,
    'UnsupportedMediaTypeException',
    "'Content-Type: application/json'",
  ],
  'payload-not-json': [
    refuse('payload-not-json', { line: 1, column: 3, problem: 'Invalid UTF-8 start byte 0x87' }),
    400,
    'InvalidRequestContentException',
    'Could not parse request body into json: Invalid UTF-8 start byte 0x87 (line 1, column 3)',
  ],
  'limit-rate': [refuseLimit('rate', 900), 429, 'TooManyRequestsException', 'Try again in 1 second.'],
  'limit-concurrency': [refuseLimit('concurrency', 100), 429, 'TooManyRequestsException', 'Rate Exceeded.'],
  'limit-day-requests': [
    refuseLimit('day-requests', 3_600_000),
    429,
    'TooManyRequestsException',
    'the quota of requests for this day (UTC) is used up. The next day begins in 3600 seconds.',
  ],
  'limit-week-requests': [refuseLimit('week-requests', 1), 429, 'TooManyRequestsException', 'this week'],
  'limit-month-requests': [refuseLimit('month-requests', 1), 429, 'TooManyRequestsException', 'this month'],
  'limit-day-bytes': [refuseLimit('day-bytes', 1), 429, 'TooManyRequestsException', 'payload bytes for this day'],
  'limit-week-bytes': [refuseLimit('week-bytes', 1), 429, 'TooManyRequestsException', 'payload bytes for this week'],
  'limit-month-bytes': [refuseLimit('month-bytes', 1), 429, 'TooManyRequestsException', 'payload bytes for this month'],
  'limits-unavailable': [refuse('limits-unavailable'), 503, 'ServiceException', 'Nothing was sent'],
  'upstream-credentials': [refuse('upstream-credentials'), 502, 'ServiceException', 'Your key is fine'],
  'upstream-access-denied': [
    refuse('upstream-access-denied', 'orders'),
    403,
    'AccessDeniedException',
    'resource: orders',
  ],
  'upstream-unreachable': [refuseLost('upstream-unreachable', 'unknown'), 502, 'ServiceException', 'may have run'],
  'upstream-timeout': [refuseLost('upstream-timeout', 'no'), 504, 'ServiceException', 'was not started'],
  'caller-left': [refuse('caller-left'), 499, 'ServiceException', 'Nothing was sent to Lambda'],
  'state-unavailable': [refuse('state-unavailable'), 503, 'ServiceException', 'Nothing was sent'],
  misconfigured: [
    refuse('misconfigured', ['A is not set', 'B is wrong']),
    500,
    'ServiceException',
    'A is not set; B is wrong',
  ],
  internal: [refuse('internal'), 500, 'ServiceException', 'internal error'],
};

describe('REFUSALS', () => {
  it('has a case here for each reason', () => {
    expect(Object.keys(CASES).sort()).toEqual(Object.keys(REFUSALS).sort());
  });

  it.each(Object.entries(CASES))('renders %s in the shape of the service', (reason, [refusal, status, type, words]) => {
    const { status: rendered, headers, body } = renderRefusal(refusal);
    expect(rendered).toBe(status);
    expect(headers).toMatchObject({
      'content-type': 'application/json',
      'x-amzn-errortype': type,
      'x-postern-refusal': reason,
    });
    const parsed = JSON.parse(body) as Record<string, string>;
    const lower = ['message', 'auth'].includes(LAMBDA_ERRORS[type].shape);
    expect(parsed[lower ? 'message' : 'Message']).toContain(words);
  });

  it.each(Object.entries(CASES).filter(([, [, status]]) => status === 403))(
    'says what to do about %s',
    (_, [refusal]) => {
      const { hint } = JSON.parse(renderRefusal(refusal, () => 'The key that you sent').body) as { hint?: string };
      expect(hint).toMatch(/^[A-Z'].{20,200}\.$/);
    },
  );

  it.each(Object.entries(CASES).filter(([reason]) => /^(key|token)-(?!claims)|^credentials-too/.test(reason)))(
    'names the credential that is wrong in the hint of %s',
    (_, [refusal]) => {
      const body = JSON.parse(renderRefusal(refusal, () => 'The key that you sent').body) as Record<string, string>;
      expect(body.hint).toMatch(/^The key that you sent /);
      // The service's own words stay as they are.
      expect(body.message).toBe(refusal.message);
    },
  );

  it('leaves the hint out where the message says it all', () => {
    expect(JSON.parse(renderRefusal(refuseLimit('rate', 1)).body)).not.toHaveProperty('hint');
  });

  it('says Retry-After only where trying again helps, and never above 20 seconds', () => {
    const waits = Object.values(CASES).map(([refusal]) => renderRefusal(refusal).headers['retry-after']);
    expect(waits.filter((wait) => wait !== undefined).length).toBeGreaterThan(0);
    for (const wait of waits) if (wait !== undefined) expect(Number(wait)).toBeLessThanOrEqual(20);
  });

  it('tells a throttled caller which kind of limit, as the service does, and when to come back', () => {
    const throttle = (...limit: Parameters<typeof refuseLimit>) => {
      const { headers, body } = renderRefusal(refuseLimit(...limit));
      return [(JSON.parse(body) as { Reason: string }).Reason, headers['retry-after']];
    };
    expect(throttle('rate', 1_200)).toEqual(['CallerRateLimitExceeded', '2']);
    expect(throttle('concurrency', 100)).toEqual(['ConcurrentInvocationLimitExceeded', '1']);
    expect(throttle('month-requests', 86_400_000)).toEqual(['CallerRateLimitExceeded', '20']);
    expect(renderRefusal(refuseLimit('rate', 1)).body).toMatch(/^\{"Reason":.*"Type":"User","message":/);
  });

  it('says of what was sent whether it may have started, in the header and in words', () => {
    for (const reason of ['upstream-timeout', 'upstream-unreachable'] as const) {
      const said = (['no', 'unknown'] as const).map((started) => {
        const { headers, body } = renderRefusal(refuseLost(reason, started));
        return [headers['x-postern-started'], /The function .*\./.exec(body)?.[0]];
      });
      expect(said).toEqual([
        ['no', 'The function was not started.'],
        ['unknown', 'The function may have run.'],
      ]);
    }
  });
});

describe('REFUSALS', () => {
  const SRC = resolve(import.meta.dirname, '../../src');
  const text = readSources(SRC)
    .map(({ name }) => readFileSync(join(SRC, name), 'utf8'))
    .join('\n');
  /** True if a `refuse...` of `src` names a reason, or a table of checks begins a row with it. */
  const isGiven = (reason: string) => new RegExp(`(\\brefuse\\w*\\([^;]{0,80}?|\\[\\s*)'${reason}'`).test(text);
  /** `refuseLimit` makes these of the limit's name. */
  const OF_LIMITS = LIMIT_NAMES.map((name) => `limit-${name}`);

  it('are all given somewhere: none is a row and no more', () => {
    expect(Object.keys(REFUSALS).filter((reason) => !isGiven(reason) && !OF_LIMITS.includes(reason))).toEqual([]);
  });

  it('would not be given if only their rows named them', () => {
    expect(isGiven('no-such-reason')).toBe(false);
    expect(isGiven('limit-rate')).toBe(false);
  });
});
