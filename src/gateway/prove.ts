import { Sha256 } from '@aws-crypto/sha256-js';
import { SignatureV4 } from '@smithy/signature-v4';
import { ARGUMENT_HEADERS } from '../core/invoke/arguments.ts';
import type { QueryParameters } from '../core/query.ts';
import { type Refusal, refuse } from '../core/refusal.ts';
import { ALGORITHM, type SignatureClaim } from '../core/signature/claim.ts';
import { keyCrypto } from './key-crypto.ts';

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

type HeaderValues = Record<string, string>;

/** Signs a request again, as its caller did: the library's own steps, with the caller's headers, date and scope. */
class Resigner extends SignatureV4 {
  constructor({ keyId, scope: { service, region } }: SignatureClaim, secretAccessKey: string) {
    super({ service, region, credentials: { accessKeyId: keyId, secretAccessKey }, sha256: Sha256 });
  }

  async resign(request: SignedRequest, headers: HeaderValues): Promise<string> {
    const { claim, method, rawPath, query, bodySha256 } = request;
    const canonical = this.createCanonicalRequest(
      { method, protocol: 'https:', hostname: '', path: rawPath, query: queryBag(query), headers },
      headers,
      bodySha256,
    );
    const scope = `${claim.scope.date}/${claim.scope.region}/${claim.scope.service}/${claim.scope.terminator}`;
    const stringToSign = await this.createStringToSign(claim.longDate, scope, canonical, ALGORITHM);
    return this.sign(stringToSign, { signingDate: new Date(claim.signedAtMs) });
  }
}

/** Refuses a signed request whose signature its key's secret does not make. Fails closed: no match, no call. */
export async function refuseSignature(request: SignedRequest, secretAccessKey: string): Promise<Refusal | undefined> {
  const { claim, headers, bodySha256 } = request;
  // AWS SigV4, "Create a canonical request": any x-amz-* header has to be signed. Those that mean something to us must
  // be, or whoever passes a signed request on could change what it asks for.
  const unsigned = MUST_BE_SIGNED.find((name) => !claim.signedHeaders.includes(name) && headers.has(name));
  if (unsigned !== undefined) return refuse('header-not-signed', unsigned);
  const declaredHash = headers.get('x-amz-content-sha256');
  if (declaredHash !== null && declaredHash !== bodySha256) return refuse('signature-mismatch');

  const resigner = new Resigner(claim, secretAccessKey);
  for (const values of candidates(request)) {
    const signature = await resigner.resign(request, values);
    if (keyCrypto.timingSafeEqual(signature, claim.signature)) return undefined;
  }
  return refuse('signature-mismatch');
}

/**
 * The signed headers as the caller may have signed them. A header that was sent twice is signed as `a,b` but arrives
 * here as `a, b`, like one that was sent so; only then there are two ways to read it. So a space behind a comma is all of a
 * signed header that can change unseen, and no argument of a call has a comma.
 */
function candidates(request: SignedRequest): HeaderValues[] {
  const values: HeaderValues = {};
  let repeated = false;
  for (const name of request.claim.signedHeaders) {
    const value = receivedValue(request, name).trim().replace(/\s+/g, ' ');
    values[name] = value;
    repeated ||= value.includes(', ');
  }
  if (!repeated) return [values];
  const asRepeated = Object.entries(values).map(([name, value]) => [name, value.replaceAll(', ', ',')]);
  return [values, Object.fromEntries(asRepeated)];
}

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
