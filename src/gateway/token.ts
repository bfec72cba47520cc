import { decodeJwt, decodeProtectedHeader, errors, jwtVerify } from 'jose';
import type { TenantId } from '../core/identity/ids.ts';
import { audienceOf, TOKEN_LEEWAY_SECONDS, type TokenClaims, tenantOfAudience } from '../core/identity/issuers.ts';
import { type Refusal, refuse } from '../core/refusal.ts';
import { err, ok, type Result } from '../core/result.ts';
import type { Keyring } from '../edge/keyring.ts';
import type { IssuerKeys, Waiting } from './issuer-keys.ts';

/** Signatures that only the issuer can make. Never `none`, never one by a secret that the verifier has too. */
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

/** Characters. No honest token is longer, and its sender has not proved itself yet. */
const MAX_TOKEN_LENGTH = 16_384;

/** Longer than any issuer's tokens for machines live. A token that lives for ever is a key, and we could not revoke it. */
const MAX_LIFETIME_MS = 366 * 24 * 3_600_000;

const COMPACT_JWT = /^eyJ[\w-]+\.[\w-]+\.[\w-]+$/;

/** A JSON Web Token that names one of our tenants; its signature is still to be proved. */
export interface Token {
  readonly text: string;
  readonly tenantId: TenantId;
  readonly claims: TokenClaims;
}

/** Tells a token from a key by its form. */
export const looksLikeToken = (text: string): boolean => COMPACT_JWT.test(text);

/** Reads what a token says: whose issuer it is from, and which tenant it is meant for. Nothing is looked up for it. */
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
  // Before anything is looked up: a forged token must not tell by its answer whether its tenant names its issuer.
  if (exp * 1_000 - nowMs > MAX_LIFETIME_MS) return err(refuse('token-malformed'));
  const tenantId = keyring.findTenant(tenantOfAudience(aud) ?? '');
  if (tenantId === undefined) return err(refuse('token-audience'));
  return ok({ text, tenantId, claims: { issuer: iss, expiresAtMs: exp * 1_000, all } });
}

/**
 * Verifies that the issuer's keys signed a token, for this tenant and for now (RFC 7519, RFC 8725). `checkToken` decides
 * whether the tenant accepts its claims. Fails closed: without the keys, no call.
 *
 * Threat: while an issuer is down, anybody who knows a tenant's id can find out by `issuer-unavailable`, and by how long the
 * answer takes, that the tenant names that issuer. An honest caller has to learn that it may try again, and no proof can
 * come before the keys. So the answer stays, and tells nothing else of the tenant.
 *
 * @returns undefined if it is valid.
 */
export async function verifyTokenSignature(
  { text, tenantId, claims: { issuer } }: Token,
  issuerKeys: IssuerKeys,
  nowMs: number,
  call: Waiting,
  /** Where the tenant says that the issuer's keys are. */
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
      // A key that the issuer has begun to use since its keys were fetched: they are fetched again, not too often.
      if (isKeyUnknown || !(error instanceof errors.JWKSNoMatchingKey)) return refuse('token-not-accepted');
      isKeyUnknown = true;
    }
  }
}
