import { ATTACKS } from '../story/hostile/attacks.ts';
import { type HonestReport, startHonest } from '../story/hostile/honest.ts';
import { startWorld } from '../story/hostile/world.ts';
import { quantile } from './statistics.ts';

const wait = (ms: number) => new Promise<void>((waited) => setTimeout(waited, ms));

const figures = ({ latenciesMs, failures }: HonestReport) => {
  const sorted = [...latenciesMs].sort((a, b) => a - b);
  const ms = (part: number) => quantile(sorted, part).toFixed(0);
  return `${ms(0.5)} / ${ms(0.99)}${failures.length > 0 ? ` (${failures.length} failed)` : ''}`;
};

/** Latency of the hostile suite's four honest callers during each attack, beside what it is without one: a table. */
export async function benchHostile(secondsEach: number, tell: (line: string) => void): Promise<string> {
  const world = await startWorld();
  const rows: string[] = [];
  try {
    const victim = await world.makeTenant();
    const attackers = [await world.makeTenant(), await world.makeTenant()] as const;
    const measure = async (name: string, run?: (until: AbortSignal) => Promise<void>) => {
      tell(name);
      const honest = startHonest(world.gateway, victim);
      const over = new AbortController();
      const attack = run?.(over.signal);
      await wait(secondsEach * 1_000);
      const reports = await honest.stop();
      over.abort();
      await attack;
      if (rows.length === 0) {
        const names = reports.map((report) => report.name);
        rows.push(`| p50 / p99, ms | ${names.join(' | ')} |`, `|---|${names.map(() => '--:|').join('')}`);
      }
      rows.push(`| ${name} | ${reports.map(figures).join(' | ')} |`);
    };
    await measure('warm-up');
    rows.pop();
    await measure('no attack');
    for (const { name, run } of ATTACKS) {
      await measure(name, (until) => run({ world, attackers, victim, until }));
      await wait(2_000);
    }
    await measure('no attack, again');
  } finally {
    await world.stop();
  }
  return rows.join('\n');
}
