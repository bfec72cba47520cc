import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type Cell, connectionsOf, MIDDLE_CONNECTIONS, PLOTTED } from './compare.ts';
import { renderCost } from './cost.ts';
import { plotComparison } from './plot.ts';
import { type Results, renderResults } from './report.ts';
import type { Soak } from './soak.ts';
import { plotSoak, renderSoak } from './soak-report.ts';

const RESULTS = join(import.meta.dirname, 'results');
const README = join(import.meta.dirname, 'README.md');

const isMiddle = ({ bytes, connections }: Cell) => connections === connectionsOf(bytes)[1];

/** The plot of a run. */
export function plotResults({ measuredAt, machine, rounds, comparison }: Results): string {
  const caption =
    `API key unless signed; ${MIDDLE_CONNECTIONS} connections (4 at 6 MB); medians of ${rounds} rounds in turn, ` +
    `whiskers from least to most\n${measuredAt.slice(0, 10)}, ${machine}`;
  return plotComparison((comparison?.cells ?? []).filter(isMiddle), PLOTTED, caption);
}

/** Writes what README.md beside this file shows: the figures, the plot, and the tables between their marks. */
export async function publish(results: Results): Promise<void> {
  if (!results.comparison) throw new Error('nothing was compared');
  await mkdir(RESULTS, { recursive: true });
  await writeFile(join(RESULTS, 'bench.json'), `${JSON.stringify(results, null, 2)}\n`);
  await writeFile(join(RESULTS, 'bench.svg'), plotResults(results));
  await replaceInReadme('bench', renderResults(results));
  await replaceInReadme('cost', renderCost(results.comparison));
}

/** The same of a soak. */
export async function publishSoak(seen: Soak): Promise<void> {
  await mkdir(RESULTS, { recursive: true });
  await writeFile(join(RESULTS, 'soak.json'), `${JSON.stringify(seen)}\n`);
  await writeFile(join(RESULTS, 'soak.svg'), plotSoak(seen));
  await replaceInReadme('soak', renderSoak(seen));
}

/** Puts text between `<!-- name -->` and `<!-- /name -->` of README.md. */
async function replaceInReadme(name: string, text: string): Promise<void> {
  const readme = await readFile(README, 'utf8');
  const [open, close] = [`<!-- ${name} -->`, `<!-- /${name} -->`];
  const from = readme.indexOf(open);
  const to = readme.indexOf(close, from);
  if (from < 0 || to < 0) throw new Error(`README.md has no ${open} and ${close} to write between`);
  await writeFile(README, `${readme.slice(0, from + open.length)}\n${text}\n${readme.slice(to)}`);
}
