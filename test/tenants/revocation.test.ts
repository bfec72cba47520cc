import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { answerRequest } from '../../src/core/quota/ledger.ts';
import { createLedger } from '../../src/core/quota/ledger-state.ts';
import { createTenants } from '../../src/tenants/tenants.ts';
import { ID, NOON, snapshot } from './isolate.ts';

beforeEach(() => {
  vi.useFakeTimers({ now: NOON });
});
afterEach(() => {
  vi.useRealTimers();
});

/** One moment of an isolate: how the object answers from then on, and how long until the next. */
const moment = fc.record({
  waitMs: fc.integer({ min: 1, max: 1_200 }),
  delayMs: fc.constantFrom(0, 5, 80, 900, 1_900, 2_500),
  fate: fc.constantFrom('answered', 'answered', 'lost on the way', 'lost on the way back', 'refused'),
  forgets: fc.constantFrom(false, false, false, true),
});
const plays = fc.record({
  moments: fc.array(moment, { minLength: 5, maxLength: 16 }),
  revokedAtMs: fc.integer({ min: 0, max: 9_000 }),
});

/** For how long after its revocation a key was served, at the most, by an isolate whose clock may be wrong. */
async function servedFor(
  { moments, revokedAtMs }: typeof plays extends fc.Arbitrary<infer P> ? P : never,
  clock = (ms: number) => ms,
) {
  const startMs = Date.now();
  const revoked = () => Date.now() - startMs >= revokedAtMs;
  const ledger = createLedger(startMs);
  let now = moments[0];
  const tenants = createTenants({
    ask: async (_, ask, known) => {
      const { delayMs = 0, fate } = now ?? {};
      const travel = () => new Promise((passed) => setTimeout(passed, delayMs / 2));
      await travel();
      if (fate === 'refused') throw new Error('overloaded');
      if (fate === 'lost on the way') return new Promise<never>(() => {});
      const revision = revoked() ? 2 : 1;
      const tenant = snapshot(revoked() ? [] : ['key']);
      const { response: answer } = answerRequest(ledger, {}, ask, Date.now());
      await travel();
      if (fate === 'lost on the way back') return new Promise<never>(() => {});
      return { revision, ...(known !== revision && { snapshot: tenant }), ledger: answer };
    },
    now: () => clock(Date.now()),
  });
  let longestMs = 0;
  for (const one of moments) {
    now = one;
    if (one.forgets) tenants.invalidate(ID);
    const call = tenants.open(ID, () => {});
    if (!call.peek()) void call.load(2);
    call.prefetch(2);
    for (let passedMs = 0; passedMs < one.waitMs; passedMs += 200) {
      await vi.advanceTimersByTimeAsync(Math.min(200, one.waitMs - passedMs));
      const tenant = tenants.open(ID, () => {}).peek();
      if (tenant?.exists && 'key' in tenant.keys && revoked())
        longestMs = Math.max(longestMs, Date.now() - startMs - revokedAtMs);
    }
  }
  await vi.advanceTimersByTimeAsync(10_000);
  return longestMs;
}

describe('a revoked key', () => {
  it('is served by no isolate for 5 seconds, whatever is slow, lost or fails', async () => {
    let longestMs = 0;
    await fc.assert(
      fc.asyncProperty(plays, async (play) => {
        const ms = await servedFor(play);
        longestMs = Math.max(longestMs, ms);
        expect(ms).toBeLessThan(5_000);
      }),
      { numRuns: 50 },
    );
    // It is served for a while: there is something to see.
    expect(longestMs).toBeGreaterThan(0);
  });

  it('would be found out to be served for longer, if what is known aged at half the speed', async () => {
    const one = { waitMs: 1_000, delayMs: 0, forgets: false } as const;
    const fates = ['answered', ...Array.from({ length: 10 }, () => 'refused' as const)] as const;
    const moments = fates.map((fate) => ({ ...one, fate }));
    const play = { moments, revokedAtMs: 500 };
    expect(await servedFor(play)).toBeLessThan(5_000);
    expect(await servedFor(play, (ms) => NOON + (ms - NOON) / 2)).toBeGreaterThan(5_000);
  });
});
