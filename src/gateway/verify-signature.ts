import { SignatureV4 } from '@smithy/signature-v4';
import type { ProofCrypto } from '../core/identity/crypto.ts';
import { ARGUMENT_HEADERS } from '../core/invoke/arguments.ts';
import { findParameter, type QueryParameters } from '../core/query.ts';
import { type Refusal, refuse } from '../core/refusal.ts';
import { err, ok, type Result } from '../core/result.ts';
import { ALGORITHM, type SignatureClaim } from '../core/signature/claim.ts';
import { SIGNATURE_LIMITS } from '../core/signature/limits.ts';
import { readingsOf, type SignedValue } from '../core/signature/readings.ts';

/** A request's head as it came, and the claim that it makes. */
export interface SignedHead {
  readonly claim: SignatureClaim;
  readonly method: string;
  /** As it came on the wire. */
  readonly rawPath: string;
  readonly query: QueryParameters;
  readonly headers: Headers;
  /** What the client itself sent as Accept-Encoding, which Cloudflare's edge replaces (`request.cf`). */
  readonly clientAcceptEncoding: string | undefined;
}

/** What a signature says of a body. */
export interface SignedBody {
  readonly bytes: number;
  /** In lower-case hex. */
  readonly sha256: string;
}

/** Ends a proof with the body that came. @returns undefined if the caller has proved itself. */
export type FinishProof = (body: SignedBody) => Refusal | undefined;

const MUST_BE_SIGNED = Object.values(ARGUMENT_HEADERS).filter((name) => name.startsWith('x-amz-'));

/** The library's steps for a canonical request, which do no hashing. */
class Canonical extends SignatureV4 {
  /** Its first three lines: method, path and query. */
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
 * Verifies a signature as far as it can be before the body is read. Where the caller declares the body's hash, that is the
 * whole signature: a forged one is refused before a byte of its body is hashed, and of the body only the hash is left to
 * compare. Where it does not (botocore and the Go and Rust SDKs do not), the body's own hash is needed first.
 */
export function beginProof(
  head: SignedHead,
  secretAccessKey: () => string,
  crypto: ProofCrypto,
): Result<FinishProof, Refusal> {
  const { claim, headers, query } = head;
  // AWS SigV4, "Create a canonical request": any x-amz-* header has to be signed. Those that mean something to us must
  // be, or anyone who passes a signed request on could change what it asks for.
  const unsigned = MUST_BE_SIGNED.find((name) => !claim.signedHeaders.includes(name) && headers.has(name));
  if (unsigned !== undefined) return err(refuse('header-not-signed', unsigned));
  const declaredHash = headers.get('x-amz-content-sha256') ?? findParameter(query, 'x-amz-content-sha256');
  if (declaredHash === undefined) return ok((body) => verifySignature(head, body, secretAccessKey(), crypto));

  const finish: FinishProof = ({ sha256 }) =>
    crypto.timingSafeEqual(sha256, declaredHash) ? undefined : refuse('signature-mismatch');
  const length = headers.get('content-length');
  if (length === null && claim.signedHeaders.includes('content-length')) {
    // Its value is known when the body has come.
    return ok((body) => finish(body) ?? verifySignature(head, body, secretAccessKey(), crypto));
  }
  const refusal = verifySignature(head, { bytes: Number(length), sha256: declaredHash }, secretAccessKey(), crypto);
  return refusal ? err(refusal) : ok(finish);
}

/**
 * Verifies that a signature of this head and body matches its key's secret. Fails closed: no match, no call.
 * `SIGNATURE_LIMITS` bounds what it hashes.
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

/** The signed headers by name, as they came. Undefined if they are too long to check. */
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

/** Makes one space of each run of white space; nearly no value has one that is not a single space. */
const collapseSpaces = (value: string) => (/\s\s|[^\S ]/.test(value) ? value.replace(/\s+/g, ' ') : value);

/** A signed header's value as it left the caller, where the platform may have changed it on the way. */
function receivedValue({ headers, clientAcceptEncoding }: SignedHead, name: string, bodyBytes: number): string {
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
