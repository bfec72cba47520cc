import { LAMBDA_ERRORS, type LambdaErrorName, writeErrorBody } from './invoke/errors.ts';
import { FUNCTION_NAME_PATTERN, type FunctionNameFault } from './invoke/function-name.ts';
import type { JsonFault, UnlocatedJsonFault } from './invoke/json-check.ts';
import { INVOKE_LIMITS } from './invoke/limits.ts';
import { QUALIFIER_PATTERN, type QualifierFault } from './invoke/qualifier.ts';
import { LOG_TYPES } from './invoke/types.ts';
import { describeTooLarge } from './policy/payload-too-large.ts';
import type { LimitName } from './quota/limits.ts';

/** How a refusal for one reason looks on the wire. */
interface Row {
  readonly error: LambdaErrorName;
  /** Only if it differs from the error's own status. */
  readonly status?: number;
  /** Seconds after which a caller may try again. At most 20, because SDKs sleep for the whole of `Retry-After`. */
  readonly retryAfterSeconds?: number;
  readonly allow?: 'POST';
  /** For TooManyRequestsException: the service's name for the limit. */
  readonly throttle?: 'CallerRateLimitExceeded' | 'ConcurrentInvocationLimitExceeded';
  /**
   * Tells people which credential is wrong and what to do, because `message` keeps the service's wording. `credential`
   * names the caller's credential, at the start of a sentence. A hint reveals no more about a tenant or a key than the
   * reason does.
   */
  readonly hint?: (credential: string) => string;
}

/** Says whether the function may have started in a call that got no answer. `no` only if it certainly did not start. */
export type Started = 'no' | 'unknown';
const STARTED: Readonly<Record<Started, string>> = {
  no: 'The function was not started.',
  unknown: 'The function may have run.',
};

type Wording = (...detail: never[]) => string;

const row = <W extends Wording>(row: Row, message: W) => ({ ...row, message });
const says = (text: string) => () => text;
const seconds = (count: number) => (count === 1 ? '1 second' : `${count} seconds`);

/** The service's wording for an argument that breaks a constraint of the service's model (recorded). */
const constraint = (value: string, member: string, rule: string) =>
  `1 validation error detected: Value '${value}' at '${member}' failed to satisfy constraint: ${rule}`;
const pattern = (text: string) => `Member must satisfy regular expression pattern: ${text}`;
const length = (max: number) => `Member must have length less than or equal to ${max}`;
const oneOf = (values: readonly string[]) => `Member must satisfy enum value set: [${values.join(', ')}]`;

const UNKNOWN_OPERATION = says('Unable to determine service/operation name to be authorized');
/** A path of Lambda's API after a prefix. */
const PREFIXED_PATH = /^(\/.+?)\/(?:2015-03-31|2021-11-15|2014-11-13)\/functions\//;
const INVALID_TOKEN = says('The security token included in the request is invalid.');
const EXPIRED_TOKEN = says('The security token included in the request is expired');
const HOW_TO_CALL = says("Call 'POST /2015-03-31/functions/NAME/invocations'.");
const ASK_OPERATOR = says(
  "Your credentials are fine, but the operator's policy does not allow this call. Ask the operator to allow it.",
);

const usedUp = (unit: string, period: string) =>
  row(
    { error: 'TooManyRequestsException', throttle: 'CallerRateLimitExceeded' },
    (resetSeconds: number) =>
      `Rate exceeded: the quota of ${unit} for this ${period} (UTC) is used up. The next ${period} begins in ${seconds(resetSeconds)}.`,
  );

const notAuthorized = (tenant: string, resource: string) =>
  `User: ${tenant} is not authorized to perform: lambda:InvokeFunction on resource: ${resource}`;
const denied = (why: string) =>
  row(
    { error: 'AccessDeniedException', hint: ASK_OPERATOR },
    (tenant: string, resource: string) => `${notAuthorized(tenant, resource)} because ${why}`,
  );

/**
 * Every reason for which Postern itself refuses a call. `x-postern-refusal` carries the reason. The wording is the
 * service's.
 */
export const REFUSALS = {
  // 1 route
  'unknown-path': row({ error: 'AccessDeniedException', status: 404, hint: HOW_TO_CALL }, (rawPath: string) => {
    const prefix = PREFIXED_PATH.exec(rawPath)?.[1];
    if (prefix === undefined) return UNKNOWN_OPERATION();
    return `${UNKNOWN_OPERATION()}: the path begins with the prefix '${prefix}', which is not supported. Remove it from the endpoint's URL.`;
  }),
  'uri-too-long': row(
    { error: 'RequestTooLargeException', status: 414 },
    (part: 'path' | 'query', maxLength: number) => `The request's ${part} has more than ${maxLength} characters`,
  ),
  'headers-too-many': row(
    { error: 'RequestTooLargeException', status: 431 },
    (max: number) => `The request has more than ${max} headers`,
  ),
  'parameters-too-many': row(
    { error: 'InvalidParameterValueException' },
    (max: number) => `The request's query has more than ${max} parameters`,
  ),
  'method-not-allowed': row(
    { error: 'AccessDeniedException', status: 405, allow: 'POST', hint: HOW_TO_CALL },
    UNKNOWN_OPERATION,
  ),
  'payload-too-large': row({ error: 'RequestTooLargeException' }, describeTooLarge),

  'host-not-served': row(
    { error: 'AccessDeniedException', status: 421 },
    says("This gateway does not serve the host named in 'Host'. Check the endpoint's URL."),
  ),

  // 2 identify
  'no-credentials': row(
    {
      error: 'MissingAuthenticationTokenException',
      hint: says(
        "Send your Postern key in 'x-api-key' or 'Authorization: Bearer', or sign the request with its access key pair. If you did, a proxy may have removed it.",
      ),
    },
    says('Missing Authentication Token'),
  ),
  'credentials-ambiguous': row(
    {
      error: 'InvalidSignatureException',
      hint: says("The request has two credentials, which may name different callers. Remove 'x-api-key' or the other."),
    },
    says("Found both 'x-api-key' and 'Authorization' as HTTP header. Send the key in one of them."),
  ),
  'credentials-too-long': row(
    {
      error: 'UnrecognizedClientException',
      hint: (credential) => `${credential} is longer than any that this gateway accepts. Check what your client sends.`,
    },
    (header: string, maxLength: number) => `The header '${header}' has more than ${maxLength} characters`,
  ),
  'signature-too-large': row(
    { error: 'InvalidSignatureException', hint: says('Sign fewer or shorter headers.') },
    (message: string) => message,
  ),
  'payload-not-signed': row(
    {
      error: 'InvalidSignatureException',
      hint: says('Let your client hash and sign the payload, as AWS SDKs do for Lambda by default.'),
    },
    (marker: string) =>
      `'x-amz-content-sha256: ${marker}' is not supported: sign the SHA-256 of the payload itself, in hex.`,
  ),
  'signature-ambiguous': row(
    {
      error: 'InvalidSignatureException',
      hint: says("The URL is presigned, so do not send 'Authorization' as well."),
    },
    says("Found both 'X-Amz-Algorithm' as a query-string param and 'Authorization' as HTTP header."),
  ),
  'signature-incomplete': row(
    {
      error: 'IncompleteSignatureException',
      hint: says('Sign with an AWS SDK or a library for Signature Version 4. If you do, a proxy may have changed it.'),
    },
    (message: string) => message,
  ),
  'host-not-signed': row(
    { error: 'InvalidSignatureException', hint: says("Add 'host' to the signed headers.") },
    says("'Host' must be a 'SignedHeader' in the AWS Authorization."),
  ),
  'signature-expired': row(
    {
      error: 'InvalidSignatureException',
      hint: says("Set your machine's clock. If the URL is presigned and has expired, make a new one."),
    },
    (message: string) => message,
  ),
  'signature-scope': row(
    {
      error: 'InvalidSignatureException',
      hint: says("Sign for the service 'lambda', in the region that the operator gave you, on today's date (UTC)."),
    },
    (message: string) => message,
  ),
  'session-token': row(
    {
      error: 'UnrecognizedClientException',
      hint: says(
        "The request has a session token, and a Postern key has none. Unset AWS_SESSION_TOKEN, and check that your client signs with the Postern key's pair.",
      ),
    },
    says('The security token included in the request is invalid'),
  ),
  'plain-http': row(
    { error: 'AccessDeniedException', hint: says("Begin the endpoint's URL with 'https://'.") },
    says('A key must not travel over plain HTTP: use https. This key has been exposed; ask for it to be rotated.'),
  ),
  'key-malformed': row(
    {
      error: 'UnrecognizedClientException',
      hint: (credential) =>
        `${credential} is not a Postern API key. Send 'x-api-key: KEY' or 'Authorization: Bearer KEY'; a key begins with 'postern_'. If yours does, it is cut short or too long: copy the whole key.`,
    },
    INVALID_TOKEN,
  ),
  'key-mistyped': row(
    {
      error: 'UnrecognizedClientException',
      hint: (credential) => `${credential} is mistyped or incomplete. Copy the whole key again.`,
    },
    INVALID_TOKEN,
  ),
  'key-unknown': row(
    {
      error: 'UnrecognizedClientException',
      hint: (credential) =>
        `${credential} was not issued by this gateway, or its tenant has been deleted. Check that your client uses your Postern key, and check the gateway's address.`,
    },
    INVALID_TOKEN,
  ),
  'key-revoked': row(
    {
      error: 'UnrecognizedClientException',
      hint: (credential) => `${credential} has been revoked. Ask the operator for a new key.`,
    },
    INVALID_TOKEN,
  ),
  'key-expired': row(
    {
      error: 'ExpiredTokenException',
      hint: (credential) => `${credential} has expired. Ask the operator for a new key.`,
    },
    EXPIRED_TOKEN,
  ),

  'token-malformed': row(
    {
      error: 'UnrecognizedClientException',
      hint: (credential) =>
        `${credential} cannot be read. It needs 'iss', 'aud', an 'exp' at most 366 days ahead, and an algorithm among RS, PS and ES 256 to 512 and EdDSA.`,
    },
    INVALID_TOKEN,
  ),
  'token-audience': row(
    {
      error: 'UnrecognizedClientException',
      hint: (credential) =>
        `${credential} is for another audience. Ask your issuer for 'postern:' and your tenant's id.`,
    },
    says("The security token included in the request is invalid: its 'aud' must be 'postern:' and a tenant's id."),
  ),
  'token-not-accepted': row(
    {
      error: 'UnrecognizedClientException',
      hint: (credential) =>
        `${credential} comes from an issuer that the tenant does not trust, or its signature is wrong. Compare its 'iss' with the issuer that the operator configured.`,
    },
    INVALID_TOKEN,
  ),
  'token-expired': row(
    {
      error: 'ExpiredTokenException',
      hint: (credential) => `${credential} has expired. Get a new one from your issuer.`,
    },
    EXPIRED_TOKEN,
  ),
  'issuer-unavailable': row(
    { error: 'ServiceException', status: 503, retryAfterSeconds: 5 },
    says("The keys of the token's issuer cannot be fetched. Nothing was sent to Lambda. Try again in a moment."),
  ),

  // 3 decide
  'token-claims': row(
    { error: 'AccessDeniedException', hint: says('Ask the operator which values this tenant accepts.') },
    (claim: string) => `The token's claim '${claim}' is not one that this tenant accepts`,
  ),
  'tenant-suspended': row(
    {
      error: 'AccessDeniedException',
      hint: says('The operator has suspended every key of this tenant. Ask the operator why.'),
    },
    (tenant: string) => `${tenant} is suspended`,
  ),
  'function-not-allowed': denied('no identity-based policy allows the lambda:InvokeFunction action'),
  'qualifier-not-allowed': denied('no policy allows this version or alias'),
  'type-not-allowed': denied('no policy allows this invocation type'),
  'log-tail-not-allowed': denied('no policy allows LogType Tail'),
  'client-context-not-allowed': denied('no policy allows X-Amz-Client-Context'),
  'function-elsewhere': denied(
    'this gateway calls functions by bare name, so it reaches only those in its own account and region',
  ),
  'function-denied': row(
    { error: 'AccessDeniedException', hint: ASK_OPERATOR },
    (tenant: string, resource: string) =>
      `${notAuthorized(tenant, resource)} with an explicit deny in an identity-based policy`,
  ),
  'address-not-allowed': denied('no policy allows calls from this address'),
  'origin-not-allowed': denied('no policy allows calls from this web page'),
  'tenant-id-not-allowed': denied('no policy allows X-Amz-Tenant-Id'),

  'durable-names-not-allowed': denied('no policy allows X-Amz-Durable-Execution-Name'),
  'durable-names-unavailable': row(
    { error: 'ServiceException' },
    says(
      'The root key of this tenant, from which its durable execution names are derived, is missing from POSTERN_ROOT_KEYS. Nothing was sent to Lambda. Tell the operator.',
    ),
  ),

  'presigned-too-long': row(
    { error: 'AccessDeniedException', hint: says("Make the URL with a smaller 'X-Amz-Expires'.") },
    (maxSeconds: number) => `A presigned request for this tenant may live for at most ${seconds(maxSeconds)}`,
  ),

  // 4 read the body
  busy: row(
    { error: 'ServiceException', status: 503, retryAfterSeconds: 1 },
    says('Too many request bytes are in flight here. Try again in a moment.'),
  ),
  'payload-incomplete': row(
    { error: 'InvalidRequestContentException' },
    says('The request body ended before it was complete'),
  ),

  // 5 prove
  'header-not-signed': row(
    { error: 'InvalidSignatureException', hint: says('Add the header to the signed headers, or do not send it.') },
    (name: string) => `'${name}' must be a 'SignedHeader' in the AWS Authorization.`,
  ),
  'signature-mismatch': row(
    {
      error: 'InvalidSignatureException',
      hint: says(
        'The secret access key is not that of the access key id, or the request was changed after it was signed, for example by a proxy.',
      ),
    },
    says(
      'The request signature we calculated does not match the signature you provided. Check your AWS Secret Access Key and signing method. Consult the service documentation for details.',
    ),
  ),

  // 6 reserve
  'limit-rate': row(
    { error: 'TooManyRequestsException', throttle: 'CallerRateLimitExceeded' },
    (resetSeconds: number) => `Rate exceeded. Try again in ${seconds(resetSeconds)}.`,
  ),
  'limit-concurrency': row(
    { error: 'TooManyRequestsException', throttle: 'ConcurrentInvocationLimitExceeded' },
    (_resetSeconds: number) => 'Rate Exceeded. All of the concurrency allowed is in use.',
  ),
  'limit-day-requests': usedUp('requests', 'day'),
  'limit-week-requests': usedUp('requests', 'week'),
  'limit-month-requests': usedUp('requests', 'month'),
  'limit-day-bytes': usedUp('payload bytes', 'day'),
  'limit-week-bytes': usedUp('payload bytes', 'week'),
  'limit-month-bytes': usedUp('payload bytes', 'month'),
  'limits-unavailable': row(
    { error: 'ServiceException', status: 503, retryAfterSeconds: 1 },
    says('The limits of this tenant cannot be checked. Nothing was sent to Lambda. Try again in a moment.'),
  ),

  // 7 validate the payload (step 3 has already validated the arguments)
  'function-name': row({ error: 'InvalidParameterValueException' }, (value: string, fault: FunctionNameFault) => {
    switch (fault.kind) {
      case 'pattern':
        return constraint(value, 'functionName', pattern(FUNCTION_NAME_PATTERN));
      case 'length':
        return constraint(value, 'functionName', length(fault.max));
      case 'dots':
        return constraint(value, 'functionName', 'Member must not be a name made only of dots');
    }
  }),
  qualifier: row({ error: 'InvalidParameterValueException' }, (value: string, fault: QualifierFault) =>
    constraint(value, 'qualifier', fault.kind === 'length' ? length(fault.max) : pattern(QUALIFIER_PATTERN)),
  ),
  'qualifier-mismatch': row(
    { error: 'InvalidParameterValueException' },
    says('The derived qualifier from the function name does not match the specified qualifier.'),
  ),
  'query-malformed': row(
    { error: 'InvalidParameterValueException' },
    says('The query string is not valid percent-encoded UTF-8'),
  ),
  'parameter-repeated': row(
    { error: 'InvalidParameterValueException' },
    (name: string) => `The query parameter '${name}' was given more than once`,
  ),
  'parameter-unknown': row(
    { error: 'InvalidParameterValueException' },
    (name: string) => `The query parameter '${name}' is not an argument of this operation`,
  ),
  'argument-repeated': row(
    { error: 'InvalidParameterValueException' },
    (header: string, parameter: string) =>
      `'${header}' was given twice: as a header and as the query parameter '${parameter}'. Send only one of them.`,
  ),
  'header-repeated': row(
    { error: 'InvalidParameterValueException' },
    (name: string) => `The header '${name}' was given more than once`,
  ),
  'invocation-type': row({ error: 'InvalidParameterValueException' }, (value: string, types: readonly string[]) =>
    constraint(value, 'invocationType', oneOf(types)),
  ),
  'log-type': row({ error: 'InvalidParameterValueException' }, (value: string) =>
    constraint(value, 'logType', oneOf(LOG_TYPES)),
  ),
  'client-context-too-long': row({ error: 'InvalidParameterValueException' }, (bytes: number) =>
    constraint(`(${bytes} bytes)`, 'clientContext', length(INVOKE_LIMITS.maxClientContextBytes)),
  ),
  'client-context': row(
    { error: 'InvalidRequestContentException' },
    says('Client context must be a valid Base64-encoded JSON object.'),
  ),
  'tenant-id': row({ error: 'InvalidParameterValueException' }, (value: string, tooLong: boolean) =>
    constraint(
      value,
      'tenantId',
      tooLong ? length(INVOKE_LIMITS.maxTenantIdLength) : pattern('[a-zA-Z0-9\\._:\\/=+\\-@ ]+'),
    ),
  ),
  'durable-execution-name': row({ error: 'InvalidParameterValueException' }, (value: string, tooLong: boolean) =>
    constraint(
      value,
      'durableExecutionName',
      tooLong ? length(INVOKE_LIMITS.maxDurableExecutionNameLength) : pattern('[a-zA-Z0-9-_]+'),
    ),
  ),
  'content-type': row(
    { error: 'UnsupportedMediaTypeException' },
    (value: string) =>
      `Unsupported content type: ${value}. Send the payload as JSON, with 'Content-Type: application/json'`,
  ),
  'payload-not-json': row(
    { error: 'InvalidRequestContentException' },
    (fault: JsonFault | UnlocatedJsonFault) =>
      `Could not parse request body into json: ${fault.problem} (` +
      ('line' in fault ? `line ${fault.line}, column ${fault.column})` : `after the first ${fault.afterBytes} bytes)`),
  ),

  // 8 forward
  'upstream-credentials': row(
    { error: 'ServiceException', status: 502 },
    says("Lambda did not accept this gateway's own credentials. Your key is fine; tell the operator."),
  ),
  'upstream-access-denied': row(
    {
      error: 'AccessDeniedException',
      hint: says("Your credentials are fine. The gateway's own AWS identity lacks a permission: tell the operator."),
    },
    (resource: string) => `This gateway is not authorized to perform: lambda:InvokeFunction on resource: ${resource}`,
  ),
  'upstream-unreachable': row(
    { error: 'ServiceException', status: 502 },
    (started: Started) => `The connection to Lambda failed. ${STARTED[started]}`,
  ),
  'upstream-timeout': row(
    { error: 'ServiceException', status: 504 },
    (started: Started) => `Lambda did not answer in time. ${STARTED[started]}`,
  ),
  // Nobody reads this answer: the row supplies the reason in the log line. nginx also logs 499 in this case.
  'caller-left': row(
    { error: 'ServiceException', status: 499 },
    says('The caller left before its call was sent. Nothing was sent to Lambda.'),
  ),

  // anywhere
  'state-unavailable': row(
    { error: 'ServiceException', status: 503, retryAfterSeconds: 1 },
    says("The tenant's state cannot be reached. Nothing was sent to Lambda. Try again in a moment."),
  ),
  misconfigured: row(
    { error: 'ServiceException' },
    (problems: readonly string[]) => `This gateway is not configured: ${problems.join('; ')}`,
  ),
  internal: row(
    { error: 'ServiceException' },
    says('An internal error occurred. Nothing is known to be wrong with the request.'),
  ),
} as const satisfies Record<string, Row & { readonly message: Wording }>;

export type RefusalReason = keyof typeof REFUSALS;

/** A refusal by Postern: the reason, and the message for the caller. */
export interface Refusal {
  readonly reason: RefusalReason;
  readonly message: string;
  /** Only if it differs from the value in the reason's row. */
  readonly retryAfterSeconds?: number;
  /** Only if the call got no answer, or the caller left. */
  readonly started?: Started;
}

/** SDKs sleep for the whole of `Retry-After`. The actual time is in `RateLimit`. */
const MAX_RETRY_AFTER_SECONDS = 20;

type Detail = { readonly [R in RefusalReason]: Parameters<(typeof REFUSALS)[R]['message']> };
type Table = { readonly [R in RefusalReason]: Row & { readonly message: (...detail: Detail[R]) => string } };
const TABLE: Table = REFUSALS;

/** Makes a refusal. `detail` contains what the message in the reason's row needs. */
export function refuse<R extends RefusalReason>(reason: R, ...detail: Detail[R]): Refusal {
  return { reason, message: TABLE[reason].message(...detail) };
}

/** Errors that a caller can fix in the call itself, by their names in the API document. */
const MISTAKES: ReadonlySet<LambdaErrorName> = new Set([
  'InvalidParameterValueException',
  'InvalidRequestContentException',
  'UnsupportedMediaTypeException',
]);

/**
 * True if the mistake is in the call itself, as in all refusals of "7 validate". The refusal costs a proved caller one
 * unit of its rate limit, and nothing of a quota.
 */
export const isMistake = ({ reason }: Refusal): boolean => MISTAKES.has(TABLE[reason].error);

/** Refuses because of a limit, which may let a call through again after `resetMs`. */
export function refuseLimit(limit: LimitName, resetMs: number): Refusal {
  const resetSeconds = Math.max(1, Math.ceil(resetMs / 1_000));
  const retryAfterSeconds = Math.min(MAX_RETRY_AFTER_SECONDS, resetSeconds);
  return { ...refuse(`limit-${limit}`, resetSeconds), retryAfterSeconds };
}

/** Says that a call got no answer from Lambda, and whether its function may have started. */
export const refuseLost = (reason: 'upstream-unreachable' | 'upstream-timeout', started: Started): Refusal => ({
  ...refuse(reason, started),
  started,
});

/** Says that the caller left before Lambda could have received the whole call. */
export const refuseLeft = (): Refusal => ({ ...refuse('caller-left'), started: 'no' });

/** A refusal in the form that goes on the wire. */
export interface RenderedRefusal {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/**
 * Renders a refusal in the service's shape: `x-amzn-ErrorType`, a JSON body, and our own `x-postern-refusal` and
 * `hint`.
 *
 * @param credential returns the name of the caller's credential, in words that can begin a sentence.
 */
export function renderRefusal(
  { reason, message, ...refusal }: Refusal,
  credential: () => string = () => 'The credential',
): RenderedRefusal {
  const row: Row = TABLE[reason];
  const retryAfterSeconds = refusal.retryAfterSeconds ?? row.retryAfterSeconds;
  const status = row.status ?? LAMBDA_ERRORS[row.error].status;
  return {
    status,
    headers: {
      'content-type': 'application/json',
      'x-amzn-errortype': row.error,
      'x-postern-refusal': reason,
      ...(retryAfterSeconds !== undefined && { 'retry-after': String(retryAfterSeconds) }),
      ...(refusal.started !== undefined && { 'x-postern-started': refusal.started }),
      ...(row.allow !== undefined && { allow: row.allow }),
    },
    body: writeErrorBody(row.error, status, message, {
      ...(row.throttle && { reason: row.throttle }),
      ...(row.hint && { hint: row.hint(credential()) }),
    }),
  };
}
