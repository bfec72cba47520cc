import { heldLeases, type LeaseBook } from '../core/quota/lease.ts';
import type { LimitStanding } from '../core/quota/lease-protocol.ts';

/** Quota units of the draft's registry; requests are the default. */
const unitOf = ({ limit }: LimitStanding) => {
  if (limit === 'concurrency') return ';qu="concurrent-requests"';
  return limit.endsWith('-bytes') ? ';qu="content-bytes"' : '';
};

/** Written once for each word of the ledger: only what remains moves in between. */
const policies = new WeakMap<readonly LimitStanding[], string>();

const writePolicy = (standings: readonly LimitStanding[]): string => {
  const parts = standings.map((standing) => {
    const { limit, quota, windowMs } = standing;
    return `"${limit}";q=${quota}${unitOf(standing)}${windowMs === undefined ? '' : `;w=${seconds(windowMs)}`}`;
  });
  const policy = parts.join(', ');
  policies.set(standings, policy);
  return policy;
};

const seconds = (ms: number) => Math.max(0, Math.ceil(ms / 1_000));

/**
 * Writes how a tenant's limits stand (draft-ietf-httpapi-ratelimit-headers-10): what is left for it, with what is leased
 * to this isolate; what other isolates hold is not in it.
 */
export function writeRateLimit(book: LeaseBook, nowMs: number): Record<string, string> {
  const { standings, standingsAtMs } = book;
  if (standings.length === 0) return {};
  const held = heldLeases(book, nowMs);
  const limits: string[] = [];
  for (const standing of standings) {
    const { limit, quota, remaining, resetMs } = standing;
    const here = limit === 'concurrency' ? 0 : limit.endsWith('-bytes') ? held.bytes : held.calls;
    const left = Math.min(quota, remaining + here);
    const reset = resetMs === undefined ? '' : `;t=${seconds(resetMs - (nowMs - standingsAtMs))}`;
    limits.push(`"${limit}";r=${left}${reset}`);
  }
  return { 'ratelimit-policy': policies.get(standings) ?? writePolicy(standings), ratelimit: limits.join(', ') };
}
