import { matchesGlob } from '../policy/pattern.ts';
import { type Refusal, refuse } from '../refusal.ts';
import type { TenantId } from './ids.ts';

/** An OpenID Connect issuer whose tokens a tenant accepts in place of a key. */
export interface TrustedIssuer {
  /** Must equal a token's `iss`, byte for byte. */
  readonly issuer: string;
  /** The claims that a token must have, each with its accepted values. In a value, `*` matches any run of characters. */
  readonly claims: Readonly<Record<string, readonly string[]>>;
  /** The URL of the issuer's keys. Absent: the URL in the issuer's metadata, if that URL is on the issuer's own site. */
  readonly jwksUri?: string | undefined;
}

/** The settings by which a tenant accepts tokens. */
export interface TokenAcceptance {
  readonly status: 'active' | 'suspended';
  readonly issuers: readonly TrustedIssuer[];
}

/** The claims of a token. The claims can be trusted only after the token's signature is proved. */
export interface TokenClaims {
  readonly issuer: string;
  /** `exp`, in epoch milliseconds. */
  readonly expiresAtMs: number;
  readonly all: Readonly<Record<string, unknown>>;
}

/** Seconds by which an issuer's clock may be off (RFC 7519, 4.1.4: "some small leeway"). */
export const TOKEN_LEEWAY_SECONDS = 10;

/**
 * Maximum length of a claim, in characters. A longer claim matches nothing, because matching takes up to (pattern length x
 * claim length) steps.
 */
export const MAX_CLAIM_LENGTH = 256;

const AUDIENCE = 'postern:';

/** Returns the `aud` of a token for a tenant. The `aud` names the tenant, so that no lookup is needed to find the tenant. */
export const audienceOf = (tenantId: TenantId): string => AUDIENCE + tenantId;

/** Returns the tenant id in an `aud` (RFC 7519, 4.1.3: a string or several). Undefined if it names no tenant, or several. */
export function tenantOfAudience(audience: unknown): string | undefined {
  const all: readonly unknown[] = Array.isArray(audience) ? audience : [audience];
  const ours = all.filter((one) => typeof one === 'string' && one.startsWith(AUDIENCE)) as string[];
  return ours.length === 1 ? ours[0]?.slice(AUDIENCE.length) : undefined;
}

/** True if a tenant names an issuer. The gateway fetches an issuer's keys only if the tenant names the issuer. */
export const namesIssuer = ({ issuers }: Pick<TokenAcceptance, 'issuers'>, issuer: string): boolean =>
  issuers.some((trusted) => trusted.issuer === issuer);

/** Returns the tenant's URL for an issuer's keys, if any. All entries of a tenant for the same issuer have the same URL. */
export const jwksUriOf = ({ issuers }: Pick<TokenAcceptance, 'issuers'>, issuer: string): string | undefined =>
  issuers.find((trusted) => trusted.issuer === issuer)?.jwksUri;

/** Checks that a proved token may be used now. Refuses an issuer or claim that the tenant does not accept: fails closed. */
export function checkToken(
  tenant: TokenAcceptance,
  tenantId: TenantId,
  { issuer, expiresAtMs, all }: TokenClaims,
  nowMs: number,
): Refusal | undefined {
  if (!namesIssuer(tenant, issuer)) return refuse('token-not-accepted');
  if (expiresAtMs + TOKEN_LEEWAY_SECONDS * 1_000 <= nowMs) return refuse('token-expired');
  if (tenant.status !== 'active') return refuse('tenant-suspended', tenantId);
  const trusted = tenant.issuers.filter((one) => one.issuer === issuer);
  const missing = trusted.map(({ claims }) => Object.keys(claims).find((name) => !hasClaim(all, name, claims[name])));
  if (missing.includes(undefined)) return undefined;
  return refuse('token-claims', missing[0] ?? '');
}

/** True if a claim matches one of the wanted values. If the claim is a list (groups, roles), one match is enough. */
function hasClaim(all: TokenClaims['all'], name: string, wanted: readonly string[] = []): boolean {
  const claim = Object.hasOwn(all, name) ? all[name] : undefined;
  const values: readonly unknown[] = Array.isArray(claim) ? claim : [claim];
  return values.some((value) => {
    const text = typeof value === 'number' || typeof value === 'boolean' ? String(value) : value;
    if (typeof text !== 'string' || text.length > MAX_CLAIM_LENGTH) return false;
    return wanted.some((pattern) => matchesGlob(pattern, text));
  });
}
