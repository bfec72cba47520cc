import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ATTACKS } from './attacks.ts';
import { describeHonest, startHonest } from './honest.ts';
import { type HostileTenant, startWorld, type World } from './world.ts';

/** `npm run prove` attacks for longer, over TLS as well. */
const isProof = process.env.POSTERN_PROVE === '1';
const ATTACK_MS = isProof ? 15_000 : 2_500;
/** Slots of calls whose end nobody saw come back after 10 s; sockets and log lines before that. */
const RECOVERY = { timeout: 40_000, interval: 250 };
/** Connections that the gateway keeps for the next call, to Lambda and to its own callers. */
const KEPT_DESCRIPTORS = 60;

/** In CI one of each sort; the others take the same ways in. */
const IN_CI = new Set([
  'forged and slow',
  'large payloads to slow functions',
  'slow readers',
  'reset at each stage',
  'oversized everything',
  'an upstream that misbehaves in every way',
]);

const wait = (ms: number) => new Promise<void>((waited) => setTimeout(waited, ms));
const sum = (counts: Readonly<Record<string, number>>) => Object.values(counts).reduce((total, n) => total + n, 0);

describe.runIf(process.platform === 'linux').each(isProof ? ['http', 'https'] : ['http'])('over %s', (scheme) => {
  let world: World;
  let victim: HostileTenant;
  let attackers: readonly [HostileTenant, HostileTenant];
  beforeAll(async () => {
    world = await startWorld({ tls: scheme === 'https' });
    victim = await world.makeTenant();
    attackers = [await world.makeTenant(), await world.makeTenant()];
    // Warm: connections to Lambda and descriptors of the tenants' objects are not the attack's.
    const warm = startHonest(world.gateway, victim);
    await wait(1_000);
    await warm.stop();
  });
  afterAll(async () => {
    await world?.stop();
  });

  it.each(ATTACKS.filter(({ name }) => isProof || IN_CI.has(name)))(
    'four honest callers are served during: $name',
    async ({ name, run }) => {
      const before = await world.descriptors();
      const honest = startHonest(world.gateway, victim);
      const over = new AbortController();
      const attack = run({ world, attackers, victim, until: over.signal });
      await wait(ATTACK_MS);
      const reports = await honest.stop(); // under attack to the end of their last calls
      over.abort();
      await attack;
      console.log(`${scheme}, ${name}: ${describeHonest(reports)}`);
      expect(reports.flatMap((report) => report.failures.map((failure) => `${report.name}: ${failure}`))).toEqual([]);
      for (const report of reports) expect(report.latenciesMs.length, report.name).toBeGreaterThan(0);

      // All that the attack took comes back, once what it left running has ended.
      world.lambda.hangUp();
      for (const tenant of [victim, ...attackers]) {
        await expect.poll(async () => concurrencyOf(await world.usage(tenant.id)), RECOVERY).toBe(40);
      }
      await expect.poll(() => world.descriptors(), RECOVERY).toBeLessThanOrEqual(before + KEPT_DESCRIPTORS);
      // Every call of the honest tenant is in its usage and in the log, once.
      await expect
        .poll(async () => {
          const { totals } = await world.usage(victim.id);
          return totals.calls - totals.forwarded - sum(totals.refused);
        }, RECOVERY)
        .toBe(0);
      for (const tenant of [victim, ...attackers]) {
        await expect
          .poll(async () => {
            const { totals } = await world.usage(tenant.id);
            const lines = world.callLines(tenant.id);
            return { forwarded: lines.filter(({ forwarded }) => forwarded).length - totals.forwarded };
          }, RECOVERY)
          .toEqual({ forwarded: 0 });
      }
    },
    180_000,
  );

  it('sent each call that was to fail upstream once', async () => {
    const seen = [...world.lambda.received.values()].reduce((total, n) => total + n, 0);
    const lines = attackers.flatMap(({ id }) => world.callLines(id));
    const forwarded = lines.filter(
      (line) => String(line.function).startsWith('fault-') && (line.forwarded === true || line.refusal !== undefined),
    );
    expect(seen).toBeGreaterThan(0);
    expect(seen).toBeLessThanOrEqual(forwarded.length);
  });
});

const concurrencyOf = ({ limits }: { limits: readonly { limit: string; remaining: number }[] }) =>
  limits.find(({ limit }) => limit === 'concurrency')?.remaining;
