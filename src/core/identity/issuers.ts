import { matchesGlob } from '../policy/pattern.ts';
import { type Refusal, refuse } from '../refusal.ts';
import type { TenantId } from './ids.ts';

/** An OpenID Connect issuer whose tokens a tenant accepts in place of a key. */
export interface TrustedIssuer {
  /** Equal to a token's `iss`, byte for byte. */
  readonly issuer: string;
  /** Claims that a token must have, each with the values accepted. `*` matches any run of characters. */
  readonly claims: Readonly<Record<string, readonly string[]>>;
  /** The URL of its keys. Absent: the one in its metadata, if that is on the issuer's own site. */
  readonly jwksUri?: string | undefined;
}

/** What a tenant says of the tokens that it accepts. */
export interface TokenAcceptance {
  readonly status: 'active' | 'suspended';
  readonly issuers: readonly TrustedIssuer[];
}

/** What a token says: to be believed once its signature is proved. */
export interface TokenClaims {
  readonly issuer: string;
  /** `exp`, in epoch milliseconds. */
  readonly expiresAtMs: number;
  readonly all: Readonly<Record<string, unknown>>;
}

/** How far the clock of an issuer may be off (RFC 7519, 4.1.4: "some small leeway"). */
export const TOKEN_LEEWAY_SECONDS = 10;

/** A claim that is longer than this matches nothing: matching takes at most pattern x claim steps. */
export const MAX_CLAIM_LENGTH = 256;

const AUDIENCE = 'postern:';

/** The `aud` of a token that is meant for a tenant: it says whose call it is, before anything is looked up. */
export const audienceOf = (tenantId: TenantId): string => AUDIENCE + tenantId;

/** The tenant id that an `aud` names (RFC 7519, 4.1.3: a string or several); undefined: none, or more than one. */
export function tenantOfAudience(audience: unknown): string | undefined {
  const all: readonly unknown[] = Array.isArray(audience) ? audience : [audience];
  const ours = all.filter((one) => typeof one === 'string' && one.startsWith(AUDIENCE)) as string[];
  return ours.length === 1 ? ours[0]?.slice(AUDIENCE.length) : undefined;
}

/** Whether a tenant has anything to do with an issuer. Only of those that it names is anything fetched. */
export const namesIssuer = ({ issuers }: Pick<TokenAcceptance, 'issuers'>, issuer: string): boolean =>
  issuers.some((trusted) => trusted.issuer === issuer);

/** The URL that the tenant gives for an issuer's keys, if any. All its entries for an issuer give the same. */
export const jwksUriOf = ({ issuers }: Pick<TokenAcceptance, 'issuers'>, issuer: string): string | undefined =>
  issuers.find((trusted) => trusted.issuer === issuer)?.jwksUri;

/** Checks that a proved token may be used now. An issuer or claim that the tenant does not name is refused: fails closed. */
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

/** Whether a claim has one of the values; of a list (groups, roles) one member will do. */
function hasClaim(all: TokenClaims['all'], name: string, wanted: readonly string[] = []): boolean {
  const claim = Object.hasOwn(all, name) ? all[name] : undefined;
  const values: readonly unknown[] = Array.isArray(claim) ? claim : [claim];
  return values.some((value) => {
    const text = typeof value === 'number' || typeof value === 'boolean' ? String(value) : value;
    if (typeof text !== 'string' || text.length > MAX_CLAIM_LENGTH) return false;
    return wanted.some((pattern) => matchesGlob(pattern, text));
  });
}
