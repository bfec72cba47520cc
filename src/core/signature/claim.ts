import type { QueryParameters } from '../query.ts';
import { type Refusal, refuse } from '../refusal.ts';
import { err, ok, type Result } from '../result.ts';
import { parseAmzDate, writeAmzDate } from './amz-date.ts';
import { SIGNATURE_LIMITS } from './limits.ts';

/** The only algorithm that Lambda supports (AWS Signature Version 4, "Elements of a request signature"). */
export const ALGORITHM = 'AWS4-HMAC-SHA256';

/** The statements of a signed request about its signature, which are not proved yet. */
export interface SignatureClaim {
  readonly form: 'header' | 'query';
  readonly keyId: string;
  readonly scope: {
    readonly date: string;
    readonly region: string;
    readonly service: string;
    readonly terminator: string;
  };
  /** Header names in lower case. */
  readonly signedHeaders: readonly string[];
  /** The signature in hex. */
  readonly signature: string;
  /** The time of signing, such as `20150830T123600Z`. */
  readonly longDate: string;
  readonly signedAtMs: number;
  /** Lifetime of a presigned request, in seconds. Absent: the same lifetime as a request signed in a header. */
  readonly expiresSeconds?: number;
}

/** A request that may be signed. */
export interface ClaimSource {
  readonly authorization: string | undefined;
  readonly query: QueryParameters;
  /** Returns a header's value by its name in lower case. */
  readonly header: (name: string) => string | undefined;
}

/** Seven days. AWS Signature Version 4, "Authenticating requests: using query parameters". */
export const MAX_PRESIGNED_SECONDS = 604_800;

/** A header name in lower case (RFC 9110 section 5.6.2). */
const TOKEN = /^[!#$%&'*+.^_`|~0-9a-z-]+$/;

const incomplete = (message: string) => err(refuse('signature-incomplete', message));

/** Parses the claim of a request that is signed in its Authorization header or query. Refuses in the service's own words. */
export function parseClaim(source: ClaimSource): Result<SignatureClaim, Refusal> {
  return source.authorization === undefined ? parseQueryClaim(source) : parseHeaderClaim(source, source.authorization);
}

function parseHeaderClaim({ header }: ClaimSource, authorization: string): Result<SignatureClaim, Refusal> {
  const { maxAuthorizationLength } = SIGNATURE_LIMITS;
  if (authorization.length > maxAuthorizationLength) {
    return err(refuse('credentials-too-long', 'Authorization', maxAuthorizationLength));
  }
  const [algorithm = '', ...rest] = authorization.split(' ');
  if (algorithm !== ALGORITHM) {
    return incomplete(`Unsupported AWS 'algorithm': '${algorithm}' (only ${ALGORITHM} for now). `);
  }
  const parameters = new Map<string, string>();
  for (const part of rest.join(' ').split(',')) {
    const text = part.trim();
    if (text === '') continue;
    const equals = text.indexOf('=');
    if (equals < 0) {
      return incomplete(
        `'${text}' not a valid key=value pair (missing equal-sign) in Authorization header: '${authorization}'.`,
      );
    }
    parameters.set(text.slice(0, equals), text.slice(equals + 1));
  }
  const date = header('x-amz-date') ?? header('date');
  const missing = ['Credential', 'Signature', 'SignedHeaders']
    .filter((name) => !parameters.get(name))
    .map((name) => `Authorization header requires '${name}' parameter. `);
  if (date === undefined) {
    missing.push("Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' header. ");
  }
  if (missing.length > 0) return incomplete(`${missing.join('')}Authorization=${authorization}`);
  return makeClaim('header', parameters.get.bind(parameters), date ?? '');
}

function parseQueryClaim({ query }: ClaimSource): Result<SignatureClaim, Refusal> {
  const get = (name: string) => query.get(`X-Amz-${name}`)?.[0];
  const names = ['Algorithm', 'Credential', 'Signature', 'SignedHeaders', 'Date', 'Expires'];
  const repeated = names.find((name) => (query.get(`X-Amz-${name}`)?.length ?? 0) > 1);
  if (repeated !== undefined) return err(refuse('parameter-repeated', `X-Amz-${repeated}`));
  if (get('Algorithm') !== ALGORITHM) {
    return incomplete(`Unsupported AWS 'algorithm': '${get('Algorithm') ?? ''}' (only ${ALGORITHM} for now). `);
  }
  const missing = names
    .filter((name) => name !== 'Expires' && !get(name))
    .map((name) => `AWS query-string parameters must include 'X-Amz-${name}'. `);
  if (missing.length > 0) return incomplete(`${missing.join('')}Re-examine the query-string parameters.`);
  const claim = makeClaim('query', get, get('Date') ?? '');
  const expires = get('Expires');
  // Signers for services other than S3 leave out `X-Amz-Expires`.
  if (!claim.ok || expires === undefined) return claim;
  const expiresSeconds = /^\d{1,7}$/.test(expires) ? Number(expires) : Number.NaN;
  if (!(expiresSeconds >= 1 && expiresSeconds <= MAX_PRESIGNED_SECONDS)) {
    return incomplete(`X-Amz-Expires must be a number of seconds from 1 to ${MAX_PRESIGNED_SECONDS}`);
  }
  return ok({ ...claim.value, expiresSeconds });
}

function makeClaim(
  form: SignatureClaim['form'],
  get: (name: string) => string | undefined,
  date: string,
): Result<SignatureClaim, Refusal> {
  const signed = parseSignedHeaders(get('SignedHeaders') ?? '');
  if (!signed.ok) return signed;
  if (date.length > SIGNATURE_LIMITS.maxDateLength) {
    return incomplete(`Date must have at most ${SIGNATURE_LIMITS.maxDateLength} characters`);
  }
  // Clients write `X-Amz-Date` in basic format. `Date` may also be an HTTP date (RFC 9110 section 5.6.7). Both forms are
  // accepted in both headers.
  const basic = parseAmzDate(date);
  const signedAtMs = basic ?? (/^[A-Z][a-z]{2}, /.test(date) ? Date.parse(date) : Number.NaN);
  if (Number.isNaN(signedAtMs)) {
    return incomplete(
      `Date must be in ISO-8601 'basic format'. Got '${date}'. See http://en.wikipedia.org/wiki/ISO_8601`,
    );
  }
  const credential = get('Credential') ?? '';
  const elements = credential.split('/');
  const [keyId = '', scopeDate = '', region = '', service = '', terminator = ''] = elements;
  if (elements.length !== 5) {
    return incomplete(
      `Credential must have exactly 5 slash-delimited elements, e.g. keyid/date/region/service/term, got '${credential}'`,
    );
  }
  return ok({
    form,
    keyId,
    scope: { date: scopeDate, region, service, terminator },
    signedHeaders: signed.value,
    signature: get('Signature') ?? '',
    longDate: basic === undefined ? writeAmzDate(signedAtMs) : date,
    signedAtMs,
  });
}

/** Parses the names of the signed headers. Each must be a valid header name and appear only once. One must be `host`. */
function parseSignedHeaders(text: string): Result<readonly string[], Refusal> {
  const { maxAuthorizationLength, maxSignedHeaders, maxHeaderNameLength } = SIGNATURE_LIMITS;
  const tooMany = () => err(refuse('signature-too-large', `'SignedHeaders' has more than ${maxSignedHeaders} names`));
  if (text.length > maxAuthorizationLength) return tooMany();
  const names = text.toLowerCase().split(';');
  if (names.length > maxSignedHeaders) return tooMany();
  const seen = new Set<string>();
  for (const name of names) {
    if (name.length > maxHeaderNameLength) {
      const message = `'SignedHeaders' has a name of more than ${maxHeaderNameLength} characters`;
      return err(refuse('signature-too-large', message));
    }
    if (!TOKEN.test(name)) return incomplete(`'SignedHeaders' has '${name}', which is not a header name`);
    if (seen.has(name)) return incomplete(`'SignedHeaders' has '${name}' more than once`);
    seen.add(name);
  }
  return seen.has('host') ? ok(names) : err(refuse('host-not-signed'));
}
