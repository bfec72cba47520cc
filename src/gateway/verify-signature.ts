import { SignatureV4 } from '@smithy/signature-v4';
import type { ProofCrypto } from '../core/identity/crypto.ts';
import { ARGUMENT_HEADERS } from '../core/invoke/arguments.ts';
import { findParameter, type QueryParameters } from '../core/query.ts';
import { type Refusal, refuse } from '../core/refusal.ts';
import { ALGORITHM, type SignatureClaim } from '../core/signature/claim.ts';
import { SIGNATURE_LIMITS } from '../core/signature/limits.ts';
import { readingsOf, type SignedValue } from '../core/signature/readings.ts';

/** A request as it came, and the claim that it makes. */
export interface SignedRequest {
  readonly claim: SignatureClaim;
  readonly method: string;
  /** As it came on the wire. */
  readonly rawPath: string;
  readonly query: QueryParameters;
  readonly headers: Headers;
  /** What the client itself sent as Accept-Encoding, which Cloudflare's edge replaces (`request.cf`). */
  readonly clientAcceptEncoding: string | undefined;
  readonly bodyBytes: number;
  readonly bodySha256: string;
}

const MUST_BE_SIGNED = Object.values(ARGUMENT_HEADERS).filter((name) => name.startsWith('x-amz-'));

/** The library's steps for a canonical request, which do no hashing. */
class Canonical extends SignatureV4 {
  /** Its first three lines: method, path and query. */
  start({ method, rawPath, query }: SignedRequest): string {
    const request = { method, protocol: '', hostname: '', headers: {}, path: rawPath, query: queryBag(query) };
    return this.createCanonicalRequest(request, {}, '').slice(0, -'\n\n\n'.length);
  }
}

const canonical = new Canonical({
  service: 'lambda',
  region: '',
  credentials: { accessKeyId: '', secretAccessKey: '' },
  sha256: class {
    update(): void {}
    reset(): void {}
    digest = () => Promise.reject(new Error('nothing is hashed here'));
  },
});

/**
 * Verifies that a request's signature matches its key's secret. Fails closed: no match, no call. `SIGNATURE_LIMITS` bounds
 * what it hashes.
 *
 * @returns undefined if it matches.
 */
export function verifySignature(
  request: SignedRequest,
  secretAccessKey: string,
  crypto: ProofCrypto,
): Refusal | undefined {
  const { claim, headers, query, bodySha256 } = request;
  // AWS SigV4, "Create a canonical request": any x-amz-* header has to be signed. Those that mean something to us must
  // be, or whoever passes a signed request on could change what it asks for.
  const unsigned = MUST_BE_SIGNED.find((name) => !claim.signedHeaders.includes(name) && headers.has(name));
  if (unsigned !== undefined) return refuse('header-not-signed', unsigned);
  const declaredHash = headers.get('x-amz-content-sha256') ?? findParameter(query, 'x-amz-content-sha256');
  if (declaredHash !== undefined && declaredHash !== bodySha256) return refuse('signature-mismatch');

  const values = signedValues(request);
  if (values === undefined) {
    const message = `The signed headers have more than ${SIGNATURE_LIMITS.maxSignedLength} characters together`;
    return refuse('signature-too-large', message);
  }
  const start = canonical.start(request);
  const end = `\n${values.map(([name]) => name).join(';')}\n${bodySha256}`;
  const length = values.reduce((sum, [name, value]) => sum + name.length + value.length + 2, start.length + end.length);
  const { date, region, service, terminator } = claim.scope;
  const scope = `${date}/${region}/${service}/${terminator}`;
  let signingKey: Uint8Array = utf8.encode(`AWS4${secretAccessKey}`);
  for (const part of [date, region, service, terminator]) signingKey = crypto.hmacSha256(signingKey, part);

  for (const reading of readingsOf(values, Math.floor(SIGNATURE_LIMITS.maxReadLength / length))) {
    const headerLines = reading.map(([name, value]) => `${name}:${value}\n`).join('');
    const canonicalSha256 = crypto.sha256Hex(start + headerLines + end);
    const stringToSign = `${ALGORITHM}\n${claim.longDate}\n${scope}\n${canonicalSha256}`;
    if (crypto.timingSafeEqual(hex(crypto.hmacSha256(signingKey, stringToSign)), claim.signature)) return undefined;
  }
  return refuse('signature-mismatch');
}

const utf8 = new TextEncoder();
const hex = (bytes: Uint8Array) => Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');

/** The signed headers by name, as they came. Undefined if they are too long to check. */
function signedValues(request: SignedRequest): readonly SignedValue[] | undefined {
  const values: SignedValue[] = [];
  let length = 0;
  for (const name of request.claim.signedHeaders.toSorted()) {
    const value = receivedValue(request, name);
    length += value.length;
    if (length > SIGNATURE_LIMITS.maxSignedLength) return undefined;
    values.push([name, collapseSpaces(value.trim())]);
  }
  return values;
}

/** Makes one space of each run of white space; nearly no value has one that is not a single space. */
const collapseSpaces = (value: string) => (/\s\s|[^\S ]/.test(value) ? value.replace(/\s+/g, ' ') : value);

/** A signed header's value as it left the caller, where the platform may have changed it on the way. */
function receivedValue({ headers, clientAcceptEncoding, bodyBytes }: SignedRequest, name: string): string {
  if (name === 'accept-encoding' && clientAcceptEncoding !== undefined) return clientAcceptEncoding;
  const value = headers.get(name);
  if (value !== null) return value;
  // An HTTP/2 client need not send its length, and the edge may frame a body anew.
  return name === 'content-length' ? String(bodyBytes) : '';
}

/** The query as the library wants it. It leaves X-Amz-Signature out itself. */
function queryBag(query: QueryParameters): Record<string, string[]> {
  return Object.fromEntries([...query].map(([name, values]) => [name, [...values]]));
}
