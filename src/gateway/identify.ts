import type { TenantId } from '../core/identity/ids.ts';
import { findParameter, type QueryParameters } from '../core/query.ts';
import { type Refusal, refuse } from '../core/refusal.ts';
import { checkCredentialLengths } from '../core/request-limits.ts';
import { err, ok, type Result } from '../core/result.ts';
import { checkClaim, checkPayloadIsSigned } from '../core/signature/check-claim.ts';
import { parseClaim, type SignatureClaim } from '../core/signature/claim.ts';
import { parseBearer } from '../edge/bearer.ts';
import type { Keyring, KnownKey } from '../edge/keyring.ts';
import { looksLikeToken, parseToken, type Token } from './token.ts';

const SIGNED = /^AWS\d/;

/**
 * The credential that a request presents. The MAC of a key id has been verified without a lookup, and so has the secret of
 * an API key. A signature cannot be fully verified until the body has arrived, and a token's signature is not verified yet.
 * Only the tenant's state shows whether a credential is valid now.
 */
export type Credential =
  | { readonly kind: 'api-key'; readonly key: KnownKey }
  | { readonly kind: 'signature'; readonly key: KnownKey; readonly claim: SignatureClaim }
  | { readonly kind: 'token'; readonly token: Token };

/** The caller that a request names. */
export interface Caller {
  readonly tenantId: TenantId;
  readonly credential: Credential;
  /** The origin of the web page that calls, if a browser sent `Origin`. */
  readonly origin?: string;
}

export interface IdentifyInput {
  /** Returns true if a secret in this request may have travelled in clear text. */
  readonly isExposed: () => boolean;
  readonly query: QueryParameters;
  readonly headers: Headers;
  readonly keyring: Keyring;
  readonly nowMs: number;
}

/** Finds the caller from a request's credentials. The checks run in the order in which the service reports errors. */
export function identify({ isExposed, query, headers, keyring, nowMs }: IdentifyInput): Result<Caller, Refusal> {
  const header = (name: string) => headers.get(name) || undefined;
  const origin = header('origin');
  const from = { ...(origin !== undefined && { origin }) };
  const apiKey = header('x-api-key');
  const authorization = header('authorization');
  const tooLong = checkCredentialLengths(apiKey, authorization);
  if (tooLong) return err(tooLong);
  const presigned = query.has('X-Amz-Algorithm');
  if (presigned && authorization !== undefined) return err(refuse('signature-ambiguous'));
  if (apiKey !== undefined && (presigned || authorization !== undefined)) return err(refuse('credentials-ambiguous'));

  const signed = presigned || (authorization !== undefined && SIGNED.test(authorization));
  if (!signed && apiKey === undefined && authorization === undefined) return err(refuse('no-credentials'));
  // A bearer key, a token and a presigned URL are secrets. A signature in a header reveals no secret.
  if ((!signed || presigned) && isExposed()) return err(refuse('plain-http'));

  if (!signed) {
    const bearer = parseBearer(authorization ?? '');
    if (bearer !== undefined && looksLikeToken(bearer)) {
      const token = parseToken(bearer, keyring, nowMs);
      if (!token.ok) return token;
      return ok({ tenantId: token.value.tenantId, credential: { kind: 'token', token: token.value }, ...from });
    }
    const text = apiKey ?? bearer;
    if (text === undefined) return err(refuse('key-malformed'));
    const proved = keyring.proveApiKey(text);
    return proved.ok ? ok(byKey({ kind: 'api-key', key: proved.value }, from)) : proved;
  }

  const claim = parseClaim({ authorization, query, header });
  if (!claim.ok) return claim;
  const declaredHash = header('x-amz-content-sha256') ?? findParameter(query, 'x-amz-content-sha256');
  const mistake = checkClaim(claim.value, nowMs) ?? checkPayloadIsSigned(declaredHash);
  if (mistake) return err(mistake);
  // We issue no session tokens, so a caller that sends a session token has mixed up its credentials.
  if (header('x-amz-security-token') !== undefined || query.has('X-Amz-Security-Token')) {
    return err(refuse('session-token'));
  }
  const key = keyring.find(claim.value.keyId);
  return key ? ok(byKey({ kind: 'signature', key, claim: claim.value }, from)) : err(refuse('key-unknown'));
}

const byKey = (credential: Exclude<Credential, { kind: 'token' }>, from: Pick<Caller, 'origin'>) => ({
  tenantId: credential.key.tenantId,
  credential,
  ...from,
});
