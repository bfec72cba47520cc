import { plotOverTime } from './plot.ts';
import type { Soak, SoakSample } from './soak.ts';
import { median, slope } from './statistics.ts';

/** The first part of a run, in which everything is filled and compiled, says nothing about growth. */
const SETTLING_PART = 1 / 3;

const whole = (value: number) => Math.round(value).toLocaleString('en');

/** How much a figure is after settling, and how it goes on from there. */
function trendOf({ samples }: Soak, pick: (sample: SoakSample) => number) {
  const settled = samples.slice(Math.floor(samples.length * SETTLING_PART));
  const perHour = slope(settled.map((sample) => [sample.seconds / 3_600, pick(sample)]));
  return { middle: median(settled.map(pick)), perHour };
}

/** The soak in Markdown. */
export function renderSoak(soak: Soak): string {
  const { minutes, measuredAt, machine, samples, outcomes, unexpected } = soak;
  const rows = [
    { what: 'memory of workerd, MB', pick: (sample: SoakSample) => sample.residentBytes / 1e6, digits: 0 },
    { what: 'p50, ms', pick: ({ p50Ms }: SoakSample) => p50Ms, digits: 2 },
    { what: 'p99, ms', pick: ({ p99Ms }: SoakSample) => p99Ms, digits: 2 },
  ];
  const calls = Object.values(outcomes).reduce((sum, count) => sum + count, 0);
  const strange = Object.entries(unexpected).map(([what, count]) => `${whole(count)} x ${what}`);
  return [
    `${measuredAt.slice(0, 10)}, ${machine}: ${minutes} minutes, ${whole(calls)} calls by ` +
      `${whole(samples.at(-1)?.tenantsMade ?? 0)} tenants that came and went. Answers that should not be: ` +
      `${strange.join(', ') || 'none'}. After the first third:`,
    '',
    '| | median | least squares, an hour |',
    '|---|--:|--:|',
    ...rows.map(({ what, pick, digits }) => {
      const { middle, perHour } = trendOf(soak, pick);
      return `| ${what} | ${middle.toFixed(digits)} | ${perHour < 0 ? '' : '+'}${perHour.toFixed(digits)} |`;
    }),
  ].join('\n');
}

/** The soak's plot. */
export function plotSoak({ samples, minutes, measuredAt, machine }: Soak): string {
  const series = (name: string, unit: string, colour: string, pick: (sample: SoakSample) => number) => ({
    name,
    unit,
    colour,
    points: samples.map((sample) => [sample.seconds, pick(sample)] as const),
  });
  return plotOverTime(
    [
      [series('memory of workerd', 'MB', '#123f6d', ({ residentBytes }) => residentBytes / 1e6)],
      [series('p50', 'ms', '#1b6ab3', ({ p50Ms }) => p50Ms), series('p99', 'ms', '#c98a00', ({ p99Ms }) => p99Ms)],
      [series('calls a second', 'calls/s', '#7a7a7a', ({ callsPerSecond }) => callsPerSecond)],
    ],
    `${minutes} minutes of mixed calls, ${samples.at(-1)?.tenantsMade ?? 0} tenants coming and going`,
    `p50 and p99 of small calls with an API key, each over 10 s\n${measuredAt.slice(0, 10)}, ${machine}`,
  );
}
