import type { KeyId, TenantId } from '../identity/ids.ts';
import { checkToken, type TokenClaims } from '../identity/issuers.ts';
import type { InvokeArguments } from '../invoke/arguments.ts';
import { type Refusal, refuse } from '../refusal.ts';
import { err, type Result } from '../result.ts';
import { onlyPlaceOf, type Settings } from '../settings.ts';
import { checkPresignedLifetime, refuseScopeRegion } from '../signature/check-claim.ts';
import type { SignatureClaim } from '../signature/claim.ts';
import { checkKey, checkStatus, type LiveTenant } from '../tenancy/snapshot.ts';
import { type AuthorizeInput, type Decision, decideCall, regionsOf } from './authorize.ts';
import type { Policy } from './policy.ts';

/** Who calls. `any`: anyone with a live key, for a call that `explain` imagines. */
export type CallerFacts =
  | { readonly kind: 'key'; readonly keyId: KeyId }
  | { readonly kind: 'token'; readonly claims: TokenClaims }
  | { readonly kind: 'any' };

/** Checks that a proved caller may call at all now. */
export function checkCaller(
  tenant: Pick<LiveTenant, 'status' | 'keys' | 'issuers'>,
  tenantId: TenantId,
  caller: CallerFacts,
  nowMs: number,
): Refusal | undefined {
  switch (caller.kind) {
    case 'key':
      return checkKey(tenant, tenantId, caller.keyId, nowMs);
    case 'token':
      return checkToken(tenant, tenantId, caller.claims, nowMs);
    case 'any':
      return checkStatus(tenant, tenantId);
  }
}

/** What a tenant's policy is asked about: a call, and how it came. */
export interface CallFacts extends Pick<AuthorizeInput, 'scopeDurableName'> {
  readonly tenantId: TenantId;
  readonly tenant: Pick<LiveTenant, 'upstream' | 'meterDuration'> & { readonly policy: Policy };
  /** Our account, the region of tenants that name none, and how functions are named to Lambda. */
  readonly gateway: Pick<Settings, 'accountId' | 'region' | 'lambdaNames'>;
  /** Of a signed call: the claim that was proved. */
  readonly claim?: Pick<SignatureClaim, 'form' | 'signedAtMs' | 'expiresSeconds'> & {
    readonly scope: Pick<SignatureClaim['scope'], 'region'>;
  };
  /** The web page that calls, when a browser says so. */
  readonly origin?: string;
  /** Whether its address may call. Costly, so it is asked only when needed. */
  readonly isAddressAllowed: () => boolean;
  readonly args: Result<InvokeArguments, Refusal>;
  readonly nowMs: number;
}

/** What a policy decided on a call, and from which home. */
export interface PolicyDecision extends Decision {
  readonly home: AuthorizeInput['home'];
  /** The calling page is allowed, so it may also read a refusal. */
  readonly allowsOrigin: boolean;
}

/**
 * Decides on a call whose caller is proved. The gateway asks this of every call, and `explain` of imagined ones: nothing
 * else decides.
 */
export function decideKnownCall(facts: CallFacts): PolicyDecision {
  const { tenantId, tenant, gateway, claim, origin, args } = facts;
  const { policy, upstream, meterDuration } = tenant;
  const home = { account: gateway.accountId, region: upstream.region ?? gateway.region };
  const refused = (refusal: Refusal, allowsOrigin = false) => ({ outcome: err(refusal), home, allowsOrigin });
  if (claim) {
    if (!regionsOf(policy, home.region).has(claim.scope.region)) return refused(refuseScopeRegion());
    const tooLong = checkPresignedLifetime(claim, policy.maxPresignedSeconds, facts.nowMs);
    if (tooLong) return refused(tooLong);
  }
  // A browser's page says where it is from. Without the tenant's leave it may not call: off by default.
  if (origin !== undefined && !policy.corsOrigins.includes(origin)) {
    return refused(refuse('origin-not-allowed', tenantId, origin));
  }
  const allowsOrigin = origin !== undefined;
  if (!args.ok) return refused(args.error, allowsOrigin);
  const onlyAt = onlyPlaceOf(gateway);
  const decision = decideCall({
    policy,
    tenant: tenantId,
    home,
    isAddressAllowed: facts.isAddressAllowed(),
    ...(upstream.tenantId !== undefined && { upstreamTenantId: upstream.tenantId }),
    meterDuration,
    ...(onlyAt && { onlyAt }),
    scopeDurableName: facts.scopeDurableName,
    call: args.value,
  });
  return { ...decision, home, allowsOrigin };
}
