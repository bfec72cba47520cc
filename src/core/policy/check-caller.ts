import type { KeyId, TenantId } from '../identity/ids.ts';
import { checkToken, type TokenClaims } from '../identity/issuers.ts';
import type { Refusal } from '../refusal.ts';
import { checkKey, checkStatus, type LiveTenant } from '../tenancy/snapshot.ts';

/** The caller. `any` is any holder of a live key, for a hypothetical call in `explain`. */
export type CallerFacts =
  | { readonly kind: 'key'; readonly keyId: KeyId }
  | { readonly kind: 'token'; readonly claims: TokenClaims }
  | { readonly kind: 'any' };

/** Checks that a proved caller may make calls now. */
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
