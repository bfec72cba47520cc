import { heldLeases, lastStatuses } from '../core/quota/lease.ts';
import type { LeaseHolder } from '../core/quota/lease-holder.ts';
import type { LimitStatus } from '../core/quota/lease-protocol.ts';

/** Quota units from the draft's registry. The default unit is requests. */
const unitOf = ({ limit }: LimitStatus) => {
  if (limit === 'concurrency') return ';qu="concurrent-requests"';
  return limit.endsWith('-bytes') ? ';qu="content-bytes"' : '';
};

/** Caches the `RateLimit-Policy` value of each ledger response. Until the next response, only `RateLimit` changes. */
const policies = new WeakMap<readonly LimitStatus[], string>();

const writePolicy = (statuses: readonly LimitStatus[]): string => {
  const parts = statuses.map((status) => {
    const { limit, quota, windowMs } = status;
    return `"${limit}";q=${quota}${unitOf(status)}${windowMs === undefined ? '' : `;w=${seconds(windowMs)}`}`;
  });
  const policy = parts.join(', ');
  policies.set(statuses, policy);
  return policy;
};

const seconds = (ms: number) => Math.max(0, Math.ceil(ms / 1_000));

/**
 * Writes the status of a tenant's limits (draft-ietf-httpapi-ratelimit-headers-10): units left at the ledger, plus units
 * leased to this isolate. Units leased to other isolates are not included.
 */
export function writeRateLimit(holder: LeaseHolder, nowMs: number): Record<string, string> {
  const { statuses, atMs } = lastStatuses(holder);
  if (statuses.length === 0) return {};
  const held = heldLeases(holder, nowMs);
  const limits: string[] = [];
  for (const status of statuses) {
    const { limit, quota, remaining, resetMs } = status;
    const here = limit === 'concurrency' ? 0 : limit.endsWith('-bytes') ? held.bytes : held.calls;
    const left = Math.min(quota, remaining + here);
    const reset = resetMs === undefined ? '' : `;t=${seconds(resetMs - (nowMs - atMs))}`;
    limits.push(`"${limit}";r=${left}${reset}`);
  }
  return { 'ratelimit-policy': policies.get(statuses) ?? writePolicy(statuses), ratelimit: limits.join(', ') };
}
