import { createHash, timingSafeEqual } from 'node:crypto';
import { parseQuery } from '../query.ts';
import { refuse } from '../refusal.ts';
import { err, ok, type Result } from '../result.ts';
import { headerValue, type WireHeaders } from '../wire-headers.ts';
import { canonicalRequest } from './canonical-request.ts';
import type { Claim } from './claim.ts';
import { dateFault } from './date-fault.ts';
import { claimOfHeader } from './header-claim.ts';
import { claimOfQuery } from './query-claim.ts';
import { type Scope, signatureOf } from './signature.ts';

/** The one key pair that the emulator trusts. */
export interface Credentials {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken?: string;
}

/** A request as received, and the hash of its body. */
export interface SignedRequest {
  readonly method: string;
  readonly path: string;
  readonly query: string;
  readonly headers: WireHeaders;
  readonly bodySha256: string;
}

const mismatch =
  'The request signature we calculated does not match the signature you provided. ' +
  'Check your AWS Secret Access Key and signing method. Consult the service documentation for details.';
const badToken = 'The security token included in the request is invalid';

/**
 * Verifies the signature of a request and returns its region. Checks in the service's order, and refuses in the service's
 * words. Fails closed.
 * The emulator serves every region, so any well-formed region in the scope is valid.
 */
export function verifySignature(
  request: SignedRequest,
  credentials: Credentials,
  nowMs: number,
): Result<{ readonly region: string }> {
  const claimed = readClaim(request);
  if (!claimed.ok) return claimed;
  const claim = claimed.value;
  if (!claim.signedHeaders.includes('host')) {
    return err(refuse.signature("'Host' must be a 'SignedHeader' in the AWS Authorization."));
  }

  const late = dateFault(claim, nowMs);
  if (late) return err(late);

  const elements = claim.credential.split('/');
  const [accessKeyId = '', date = '', region = '', service = '', terminator = ''] = elements;
  if (elements.length !== 5) {
    const rule = 'Credential must have exactly 5 slash-delimited elements, e.g. keyid/date/region/service/term';
    return err(refuse.identity('IncompleteSignatureException', `${rule}, got '${claim.credential}'`));
  }
  const scope = { date, region, service, terminator };
  const misplaced = scopeFaults(scope, claim.amzDate);
  if (misplaced !== '') return err(refuse.signature(misplaced));

  if (!tokenMatches(claim, credentials.sessionToken)) {
    return err(refuse.identity('UnrecognizedClientException', badToken));
  }
  if (!sameSecret(accessKeyId, credentials.accessKeyId)) {
    return err(refuse.identity('UnrecognizedClientException', `${badToken}.`));
  }

  const { bodySha256: payloadHash } = request;
  const declaredHash = headerValue(request.headers, 'x-amz-content-sha256') ?? payloadHash;
  const canonical = canonicalRequest({ ...request, signedHeaders: claim.signedHeaders, payloadHash });
  const expected = signatureOf(credentials.secretAccessKey, scope, claim.amzDate, canonical);
  const proved = sameSecret(claim.signature, expected) && declaredHash === payloadHash;
  return proved ? ok({ region }) : err(refuse.signature(mismatch));
}

function readClaim({ headers, query }: SignedRequest): Result<Claim> {
  const authorization = headerValue(headers, 'authorization');
  const pairs = parseQuery(query);
  const presigned = pairs.some(([name]) => name === 'X-Amz-Algorithm');
  if (authorization !== undefined && presigned) {
    return err(
      refuse.signature("Found both 'X-Amz-Algorithm' as a query-string param and 'Authorization' as HTTP header."),
    );
  }
  if (authorization !== undefined) return claimOfHeader(authorization, headers);
  if (presigned) return claimOfQuery(pairs, headers);
  return err(refuse.identity('MissingAuthenticationTokenException', 'Missing Authentication Token'));
}

/** Joins all faults of a scope into one text, as the service does. Empty if there are none. */
function scopeFaults({ date, region, service, terminator }: Scope, amzDate: string): string {
  const signedDate = amzDate.slice(0, 8);
  const dateFault =
    'Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP: ' +
    `'${date}' != '${signedDate}', from '${amzDate}'.`;
  return [
    /^(eusc-)?[a-z]{2}(-gov|-iso[a-z]?)?-[a-z]+-\d$/.test(region)
      ? ''
      : 'Credential should be scoped to a valid region. ',
    service === 'lambda' ? '' : "Credential should be scoped to correct service: 'lambda'. ",
    terminator === 'aws4_request'
      ? ''
      : `Credential should be scoped with a valid terminator: 'aws4_request', not '${terminator}'. `,
    date === signedDate ? '' : dateFault,
  ].join('');
}

function tokenMatches({ sessionToken, sessionTokenSigned }: Claim, trusted: string | undefined): boolean {
  if (sessionToken === undefined || trusted === undefined) return sessionToken === trusted;
  return sessionTokenSigned && sameSecret(sessionToken, trusted);
}

/** Compares two texts in a time that does not depend on their contents. */
function sameSecret(given: string, expected: string): boolean {
  const digest = (text: string) => createHash('sha256').update(text).digest();
  return timingSafeEqual(digest(given), digest(expected));
}
