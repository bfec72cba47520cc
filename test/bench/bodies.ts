import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { signCall } from './caller.ts';
import { type LoadReport, startLoad } from './load.ts';
import { cpuMicroseconds, memoryBytes, resetPeak } from './machine.ts';
import { makePayload } from './payload.ts';
import { median } from './statistics.ts';
import { startWorker } from './subjects/plain.ts';
import { type Postern, startPostern } from './subjects/postern.ts';
import type { Subject } from './subjects/subject.ts';
import { startUpstream } from './upstream.ts';

/** Many large calls of one tenant at once, beside the floor that signs. Medians of the rounds. */
export interface BodiesCell {
  readonly name: string;
  readonly bytes: number;
  readonly connections: number;
  readonly callsPerSecond: number;
  readonly cpuMicros: number;
  /** The most resident memory of all rounds. */
  readonly peakBytes: number;
  readonly p99Ms: number;
  readonly failures: Readonly<Record<string, number>>;
}

interface Contender {
  readonly name: string;
  readonly subject: Subject;
  headers(body: Buffer): Promise<Record<string, string>>;
}

const FLOOR = 'the floor, signing';
const POSTERN = 'Postern';
const UNCHECKED = `${POSTERN}, JSON check off`;
const LOADS = [
  { bytes: 1_000_000, connections: 16, calls: 400 },
  { bytes: 1_000_000, connections: 64, calls: 600 },
  { bytes: 6_000_000, connections: 64, calls: 256 },
];

/** A tenant of its own, by API key and by signature. */
async function callersOf(name: string, postern: Postern): Promise<Contender[]> {
  const key = await postern.makeTenant();
  const byKey = { 'x-api-key': key.apiKey, 'content-type': 'application/json' };
  return [
    { name, subject: postern, headers: async () => byKey },
    { name: `${name}, signed caller`, subject: postern, headers: (body) => signCall(postern.url, key, body) },
  ];
}

/** Measures the loads of issue 12: 64 connections of 1 MB and of 6 MB by one tenant. Servers start anew for each. */
export async function measureBodies(rounds: number, tell: (line: string) => void): Promise<BodiesCell[]> {
  const folder = await mkdtemp(join(tmpdir(), 'postern-bench-'));
  const upstream = await startUpstream(folder);
  const load = startLoad();
  const cells: BodiesCell[] = [];
  try {
    for (const [index, { bytes, connections, calls }] of LOADS.entries()) {
      tell(`${bytes} bytes, ${connections} connections`);
      const own = join(folder, String(index));
      const site = async (name: string) => {
        await mkdir(join(own, name), { recursive: true });
        return { folder: join(own, name), upstream: upstream.origin };
      };
      const floor = await startWorker(FLOOR, 'signing-worker.ts', await site('floor'));
      const postern = await startPostern(await site('postern'));
      // What the floor does too: it does not read the payload as JSON.
      const unchecked = await startPostern(await site('unchecked'), { settings: { POSTERN_CHECK_JSON: 'off' } });
      const contenders: Contender[] = [
        { name: FLOOR, subject: floor, headers: async () => ({ 'content-type': 'application/json' }) },
        ...(await callersOf(POSTERN, postern)),
        ...(await callersOf(UNCHECKED, unchecked)),
      ];
      const body = makePayload(bytes);
      const bodyFile = join(own, 'body');
      await writeFile(bodyFile, body);
      const seen = contenders.map(() => ({ reports: [] as LoadReport[], cpu: [] as number[], peakBytes: 0 }));
      for (let round = -1; round < rounds; round++) {
        for (const [at, { subject, headers }] of contenders.entries()) {
          const { pid } = subject.server;
          await resetPeak(pid);
          const before = await cpuMicroseconds(pid);
          const order = { url: subject.url, headers: await headers(body), bodyFile, connections, calls };
          const report = await load.run(order);
          const cpu = ((await cpuMicroseconds(pid)) - before) / calls;
          const mine = seen[at];
          if (round < 0 || !mine) continue; // round -1 warms up
          mine.reports.push(report);
          mine.cpu.push(cpu);
          mine.peakBytes = Math.max(mine.peakBytes, (await memoryBytes(pid)).peak);
        }
      }
      for (const [at, { name }] of contenders.entries()) {
        const { reports = [], cpu = [], peakBytes = 0 } = seen[at] ?? {};
        const failures: Record<string, number> = {};
        for (const report of reports) {
          for (const [status, count] of Object.entries(report.failures)) {
            failures[status] = (failures[status] ?? 0) + count;
          }
        }
        cells.push({
          name,
          bytes,
          connections,
          callsPerSecond: median(reports.map(({ answered, seconds }) => answered / seconds)),
          cpuMicros: median(cpu),
          peakBytes,
          p99Ms: median(reports.map(({ p99Ms }) => p99Ms)),
          failures,
        });
      }
      for (const server of [floor, postern, unchecked]) await server.stop();
    }
    return cells;
  } finally {
    await load.stop();
    await upstream.stop();
    await rm(folder, { recursive: true, force: true });
  }
}

/** The figures as Markdown: throughput as a part of the floor's, memory as a multiple of 16 connections of 1 MB. */
export function renderBodies(cells: readonly BodiesCell[]): string {
  const find = (cell: BodiesCell, changes: Partial<BodiesCell>) => {
    const like = { name: cell.name, bytes: cell.bytes, connections: cell.connections, ...changes };
    return cells.find(
      ({ name, bytes, connections }) => name === like.name && bytes === like.bytes && connections === like.connections,
    );
  };
  const ratio = (one: number, other: number | undefined) => (one / (other ?? Number.NaN)).toFixed(2);
  return [
    '| one tenant | bytes | connections | calls/s | of the floor | CPU us | p99 ms | peak MB | of 16 x 1 MB | other than 2xx |',
    '|---|--:|--:|--:|--:|--:|--:|--:|--:|---|',
    ...cells.map((cell) => {
      const { name, bytes, connections, callsPerSecond, cpuMicros, p99Ms, peakBytes, failures } = cell;
      const failed = Object.entries(failures).map(([status, count]) => `${status} x ${count}`);
      return `| ${[
        name,
        bytes.toLocaleString('en'),
        connections,
        callsPerSecond.toFixed(1),
        ratio(callsPerSecond, find(cell, { name: FLOOR })?.callsPerSecond),
        Math.round(cpuMicros).toLocaleString('en'),
        p99Ms.toFixed(0),
        Math.round(peakBytes / 1e6),
        ratio(peakBytes, find(cell, { bytes: 1_000_000, connections: 16 })?.peakBytes),
        failed.join(', ') || 'none',
      ].join(' | ')} |`;
    }),
  ].join('\n');
}
