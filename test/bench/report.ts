import type { Cell, Comparison } from './compare.ts';
import type { Parts } from './parts.ts';
import { formatBytes } from './payload.ts';
import { median } from './statistics.ts';

/** All that a run has measured; what `bench.json` holds. */
export interface Results {
  readonly measuredAt: string;
  readonly machine: string;
  readonly rounds: number;
  readonly secondsPerRound: number;
  readonly versions: Readonly<Record<string, string>>;
  readonly comparison?: Comparison;
  readonly parts?: Parts;
}

const whole = (value: number) => Math.round(value).toLocaleString('en');
const row = (cells: readonly string[]) => `| ${cells.join(' | ')} |`;

function renderCell(cell: Cell): string {
  const { name, connections, cpuMicros, toFloor, callsPerSecond, p50Ms, p99Ms, peakBytes, calls, failures } = cell;
  const peak = whole(peakBytes / 1e6);
  const failed = Object.entries(failures).map(([status, count]) => `${status} x ${whole(count)}`);
  if (failed.length > 0) {
    return row([
      name,
      String(connections),
      `**not all 2xx**: ${failed.join(', ')} of ${whole(calls)}`,
      '',
      '',
      '',
      '',
      peak,
    ]);
  }
  const ratio = `${toFloor.median.toFixed(2)} (${toFloor.min.toFixed(2)}-${toFloor.max.toFixed(2)})`;
  const latencies = [p50Ms, p99Ms].map((ms) => ms.toFixed(ms < 10 ? 2 : 0));
  return row([name, String(connections), whole(cpuMicros), ratio, whole(callsPerSecond), ...latencies, peak]);
}

/** The results as Markdown. */
export function renderResults(results: Results): string {
  const { measuredAt, machine, rounds, secondsPerRound, versions, comparison, parts } = results;
  const software = Object.entries(versions).map(([name, version]) => `${name} ${version}`);
  const lines = [
    `${measuredAt.slice(0, 10)}, ${machine}; medians of ${rounds} rounds of about ${secondsPerRound} s, all in turn in each; ${software.join(', ')}.`,
  ];
  const cells = comparison?.cells ?? [];
  for (const bytes of new Set(cells.map((cell) => cell.bytes))) {
    lines.push('', `**${formatBytes(bytes)}**`, '');
    lines.push('| | connections | CPU us a call | x the floor | calls/s | p50 ms | p99 ms | peak MB |');
    lines.push('|---|--:|--:|--:|--:|--:|--:|--:|');
    lines.push(...cells.filter((cell) => cell.bytes === bytes).map(renderCell));
  }
  if (comparison) {
    lines.push(
      '',
      `Calls to the tenant's object for each call, of a tenant with limits: ${comparison.objectCallsPerCall.toFixed(4)}; where each call comes alone: ${comparison.objectCallsPerLoneCall.toFixed(2)}.`,
    );
  }
  if (parts) {
    const works = Object.keys(parts.bytes[0]?.megabytesPerSecond ?? {});
    lines.push('', '**1 MB of JSON, MB/s**', '', row(['', ...works]), `|---|${works.map(() => '--:|').join('')}`);
    for (const { shape, megabytesPerSecond } of parts.bytes) {
      lines.push(row([shape, ...works.map((work) => whole(megabytesPerSecond[work] ?? Number.NaN))]));
    }
    const { signMicros, verifyMicros, ratios } = parts.signature;
    const spread = `${Math.min(...ratios).toFixed(2)}-${Math.max(...ratios).toFixed(2)}`;
    lines.push(
      '',
      `A signature over 200 bytes: made in ${signMicros.toFixed(1)} us, a caller's proved in ${verifyMicros.toFixed(1)} us, ` +
        `${median(ratios).toFixed(2)} times that (${spread}).`,
    );
  }
  return lines.join('\n');
}
