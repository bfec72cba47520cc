import { decodeJwt, decodeProtectedHeader, errors, jwtVerify } from 'jose';
import type { TenantId } from '../core/identity/ids.ts';
import { audienceOf, TOKEN_LEEWAY_SECONDS, type TokenClaims, tenantOfAudience } from '../core/identity/issuers.ts';
import { type Refusal, refuse } from '../core/refusal.ts';
import { err, ok, type Result } from '../core/result.ts';
import type { Keyring } from '../edge/keyring.ts';
import type { IssuerKeys, Waiting } from './issuer-keys.ts';

/** Algorithms whose signatures only the issuer can make: not `none`, and none with a secret that the verifier shares. */
const ALGORITHMS = [
  'RS256',
  'RS384',
  'RS512',
  'PS256',
  'PS384',
  'PS512',
  'ES256',
  'ES384',
  'ES512',
  'EdDSA',
  'Ed25519',
];

/** Maximum length in characters. No honest token is longer, and its sender has not proved anything yet. */
const MAX_TOKEN_LENGTH = 16_384;

/** Longer than the lifetime of any issuer's machine tokens. A token without end would be a key that we cannot revoke. */
const MAX_LIFETIME_MS = 366 * 24 * 3_600_000;

const COMPACT_JWT = /^eyJ[\w-]+\.[\w-]+\.[\w-]+$/;

/** A JSON Web Token that names one of our tenants. Its signature is not verified yet. */
export interface Token {
  readonly text: string;
  readonly tenantId: TenantId;
  readonly claims: TokenClaims;
}

/** Returns true if a credential has the form of a token, not of a key. */
export const looksLikeToken = (text: string): boolean => COMPACT_JWT.test(text);

/** Reads a token's claims, its issuer, and the tenant that its audience names. Does no lookup. */
export function parseToken(text: string, keyring: Keyring, nowMs: number): Result<Token, Refusal> {
  if (text.length > MAX_TOKEN_LENGTH) return err(refuse('token-malformed'));
  let all: Record<string, unknown>;
  try {
    const { alg } = decodeProtectedHeader(text);
    if (alg === undefined || !ALGORITHMS.includes(alg)) return err(refuse('token-malformed'));
    all = decodeJwt(text);
  } catch {
    return err(refuse('token-malformed'));
  }
  const { iss, exp, aud } = all;
  if (typeof iss !== 'string' || typeof exp !== 'number' || !Number.isSafeInteger(Math.trunc(exp * 1_000))) {
    return err(refuse('token-malformed'));
  }
  // Checked before any lookup, so that the answer to a forged token does not reveal whether the tenant names the issuer.
  if (exp * 1_000 - nowMs > MAX_LIFETIME_MS) return err(refuse('token-malformed'));
  const tenantId = keyring.findTenant(tenantOfAudience(aud) ?? '');
  if (tenantId === undefined) return err(refuse('token-audience'));
  return ok({ text, tenantId, claims: { issuer: iss, expiresAtMs: exp * 1_000, all } });
}

/**
 * Verifies that the issuer's keys signed a token, and that the token is for this tenant and valid now (RFC 7519, RFC 8725).
 * `checkToken` decides whether the tenant accepts its claims. Fails closed: without the keys, the call is refused.
 *
 * Threat: while an issuer is down, anybody who knows a tenant's id can learn from `issuer-unavailable`, and from the time
 * that the answer takes, that the tenant names that issuer. We accept this leak: an honest caller must learn that it may try
 * again, and no proof is possible without the keys. The answer reveals nothing else about the tenant.
 *
 * @returns undefined if the token is valid.
 */
export async function verifyTokenSignature(
  { text, tenantId, claims: { issuer } }: Token,
  issuerKeys: IssuerKeys,
  nowMs: number,
  call: Waiting,
  /** The URL that the tenant gives for the issuer's keys. */
  jwksUri?: string,
): Promise<Refusal | undefined> {
  const options = {
    issuer,
    audience: audienceOf(tenantId),
    algorithms: ALGORITHMS,
    requiredClaims: ['exp'],
    clockTolerance: TOKEN_LEEWAY_SECONDS,
    currentDate: new Date(nowMs),
  };
  let isKeyUnknown = false;
  for (;;) {
    const keys = await issuerKeys.find({ issuer, jwksUri }, isKeyUnknown, call);
    if (keys === 'unavailable') return refuse('issuer-unavailable');
    if (!keys) return refuse('token-not-accepted');
    try {
      await jwtVerify(text, keys, options);
      return undefined;
    } catch (error) {
      if (error instanceof errors.JWTExpired) return refuse('token-expired');
      if (!(error instanceof errors.JOSEError)) throw error;
      // The issuer may have added this key since the last fetch, so the keys are fetched again, at a limited rate.
      if (isKeyUnknown || !(error instanceof errors.JWKSNoMatchingKey)) return refuse('token-not-accepted');
      isKeyUnknown = true;
    }
  }
}
