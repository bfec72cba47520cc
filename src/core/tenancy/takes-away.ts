import type { TenantDocument } from './tenant.ts';

/**
 * True if a change only restricts a tenant: it suspends the tenant, drops allow rules, or both, and changes nothing else.
 * Each restricting change needs an earlier change that gave a permission, so restricting changes never outnumber other
 * changes.
 */
export function takesAway(before: TenantDocument, after: TenantDocument): boolean {
  if (after.status !== before.status && after.status !== 'suspended') return false;
  const left = before.policy.allow.map((rule) => JSON.stringify(rule));
  const isSubsequence = after.policy.allow.every((rule) => {
    const at = left.indexOf(JSON.stringify(rule));
    left.splice(0, at + 1);
    return at >= 0;
  });
  return isSubsequence && restOf(before) === restOf(after);
}

/** Returns a tenant's document, as JSON, without its status and allow rules. */
const restOf = ({ name, policy, limits, upstream, issuers, meterDuration }: TenantDocument): string =>
  JSON.stringify([name, { ...policy, allow: [] }, limits, upstream, issuers, meterDuration]);
