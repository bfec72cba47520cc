import type { TenantDocument } from './tenant.ts';

/**
 * True if a change only takes from a tenant what it may do: it suspends the tenant or drops allow rules, and changes nothing
 * else. Each needs a change that gave what it takes, so there are never more of these than of others.
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

/** All of a tenant but its status and its allow rules, and not what a record has beside its document. */
const restOf = ({ name, policy, limits, upstream, issuers, meterDuration }: TenantDocument): string =>
  JSON.stringify([name, { ...policy, allow: [] }, limits, upstream, issuers, meterDuration]);
