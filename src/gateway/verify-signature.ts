import { SignatureV4 } from '@smithy/signature-v4';
import type { ProofCrypto } from '../core/identity/crypto.ts';
import { ARGUMENT_HEADERS } from '../core/invoke/arguments.ts';
import { findParameter, type QueryParameters } from '../core/query.ts';
import { type Refusal, refuse } from '../core/refusal.ts';
import { err, ok, type Result } from '../core/result.ts';
import { ALGORITHM, type SignatureClaim } from '../core/signature/claim.ts';
import { SIGNATURE_LIMITS } from '../core/signature/limits.ts';
import { readingsOf, type SignedValue } from '../core/signature/readings.ts';

/** A request's head as it came, and the signature claim in the head. */
export interface SignedHead {
  readonly claim: SignatureClaim;
  readonly method: string;
  /** The path as it came on the wire. */
  readonly rawPath: string;
  readonly query: QueryParameters;
  readonly headers: Headers;
  /** The client's own Accept-Encoding (from `request.cf`). Cloudflare's edge replaces the header. */
  readonly clientAcceptEncoding: string | undefined;
}

/** The facts about a body that a signature covers. */
export interface SignedBody {
  readonly bytes: number;
  /** Lower-case hex. */
  readonly sha256: string;
}

/** Completes a proof with the received body. @returns undefined if the caller has proved its identity. */
export type FinishProof = (body: SignedBody) => Refusal | undefined;

const MUST_BE_SIGNED = Object.values(ARGUMENT_HEADERS).filter((name) => name.startsWith('x-amz-'));

/** Gives access to the library's steps that build a canonical request. These steps do no hashing. */
class Canonical extends SignatureV4 {
  /** The first three lines of the canonical request: method, path and query. */
  start({ method, rawPath, query }: SignedHead): string {
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
 * Verifies as much of a signature as possible before the body is read. If the caller declares the body's hash, the whole
 * signature is verified now: a forged signature is refused before any byte of the body is hashed. Later, only the body's
 * hash is compared. If the caller declares no hash (botocore and the Go and Rust SDKs do not), the body is needed first.
 */
export function beginProof(
  head: SignedHead,
  secretAccessKey: () => string,
  crypto: ProofCrypto,
): Result<FinishProof, Refusal> {
  const { claim, headers, query } = head;
  // AWS SigV4, "Create a canonical request": any x-amz-* header has to be signed. We require it for the headers that we
  // use. Otherwise anyone who passes a signed request on could change its arguments.
  const unsigned = MUST_BE_SIGNED.find((name) => !claim.signedHeaders.includes(name) && headers.has(name));
  if (unsigned !== undefined) return err(refuse('header-not-signed', unsigned));
  const declaredHash = headers.get('x-amz-content-sha256') ?? findParameter(query, 'x-amz-content-sha256');
  if (declaredHash === undefined) return ok((body) => verifySignature(head, body, secretAccessKey(), crypto));

  const finish: FinishProof = ({ sha256 }) =>
    crypto.timingSafeEqual(sha256, declaredHash) ? undefined : refuse('signature-mismatch');
  const length = headers.get('content-length');
  if (length === null && claim.signedHeaders.includes('content-length')) {
    // The length is known once the body has arrived.
    return ok((body) => finish(body) ?? verifySignature(head, body, secretAccessKey(), crypto));
  }
  const refusal = verifySignature(head, { bytes: Number(length), sha256: declaredHash }, secretAccessKey(), crypto);
  return refusal ? err(refusal) : ok(finish);
}

/**
 * Verifies that the signature of this head and body was made with the key's secret. Fails closed: without a match, the call
 * is refused. `SIGNATURE_LIMITS` limits the amount of hashing.
 */
function verifySignature(
  head: SignedHead,
  body: SignedBody,
  secretAccessKey: string,
  crypto: ProofCrypto,
): Refusal | undefined {
  const { claim } = head;
  const values = signedValues(head, body.bytes);
  if (values === undefined) {
    const message = `The signed headers have more than ${SIGNATURE_LIMITS.maxSignedLength} characters together`;
    return refuse('signature-too-large', message);
  }
  const start = canonical.start(head);
  const end = `\n${values.map(([name]) => name).join(';')}\n${body.sha256}`;
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

/** The signed headers, sorted by name, with the values that the caller sent. Undefined if they are too long to check. */
function signedValues(head: SignedHead, bodyBytes: number): readonly SignedValue[] | undefined {
  const values: SignedValue[] = [];
  let length = 0;
  for (const name of head.claim.signedHeaders.toSorted()) {
    const value = receivedValue(head, name, bodyBytes);
    length += value.length;
    if (length > SIGNATURE_LIMITS.maxSignedLength) return undefined;
    values.push([name, collapseSpaces(value.trim())]);
  }
  return values;
}

/** Replaces each run of white space with one space. The test comes first because almost no value needs the change. */
const collapseSpaces = (value: string) => (/\s\s|[^\S ]/.test(value) ? value.replace(/\s+/g, ' ') : value);

/** A signed header's value as the caller sent it, even if the platform has changed the header on the way. */
function receivedValue({ headers, clientAcceptEncoding }: SignedHead, name: string, bodyBytes: number): string {
  if (name === 'accept-encoding' && clientAcceptEncoding !== undefined) return clientAcceptEncoding;
  const value = headers.get(name);
  if (value !== null) return value;
  // An HTTP/2 client may omit Content-Length, and the edge may change how a body is framed.
  return name === 'content-length' ? String(bodyBytes) : '';
}

/** The query in the library's own form. The library itself leaves out X-Amz-Signature. */
function queryBag(query: QueryParameters): Record<string, string[]> {
  return Object.fromEntries([...query].map(([name, values]) => [name, [...values]]));
}
