import { describe, expect, it } from 'vitest';
import { admit, applyResponse, buildRequest } from '../../src/core/quota/lease.ts';
import { createLeaseHolder } from '../../src/core/quota/lease-holder.ts';
import { answerRequest } from '../../src/core/quota/ledger.ts';
import { createLedger } from '../../src/core/quota/ledger-state.ts';
import type { LimitsDocument } from '../../src/core/quota/limits.ts';
import { writeRateLimit } from '../../src/tenants/rate-limit-headers.ts';

const NOON = Date.UTC(2026, 10, 23, 12);

/** A holder that has just been answered by a ledger of these limits. */
function answered(limits: LimitsDocument, calls: number) {
  const ledger = createLedger(NOON);
  const holder = createLeaseHolder('isolate', NOON);
  const ask = buildRequest(holder, limits, { waiting: { calls, bytes: 10 }, bytesOfAll: calls * 10 }, NOON);
  applyResponse(holder, answerRequest(ledger, limits, ask, NOON).response, NOON);
  return holder;
}

describe('writeRateLimit', () => {
  const limits: LimitsDocument = {
    rate: { perSecond: 2.5, burst: 10 },
    concurrency: 3,
    quotas: [
      { period: 'day', requests: 1_000 },
      { period: 'week', payloadBytes: 5_000 },
    ],
  };

  it('names each limit with its unit and window, and what is left of it', () => {
    const holder = answered(limits, 1);
    expect(writeRateLimit(holder, NOON)).toEqual({
      'ratelimit-policy':
        '"rate";q=10;w=4, "concurrency";q=3;qu="concurrent-requests", "day-requests";q=1000;w=86400, "week-bytes";q=5000;qu="content-bytes";w=604800',
      ratelimit: '"rate";r=10;t=0, "concurrency";r=2, "day-requests";r=1000;t=43200, "week-bytes";r=5000;t=561600',
    });
  });

  it('goes down with each call that is served from memory, and counts the time down', () => {
    const holder = answered(limits, 5);
    for (let time = 0; time < 3; time++) expect(admit(holder, limits, 10, NOON + 500).kind).toBe('admitted');
    const { ratelimit = '' } = writeRateLimit(holder, NOON + 500);
    expect(ratelimit).toContain('"day-requests";r=997;t=43200');
    expect(writeRateLimit(holder, NOON + 10_000).ratelimit).toContain('t=43190');
  });

  it('says nothing to a tenant without limits', () => {
    expect(writeRateLimit(answered({}, 1), NOON)).toEqual({});
  });
});
