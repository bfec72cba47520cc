import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { signCall } from './caller.ts';
import { type LoadReport, startLoad } from './load.ts';
import { cpuMicroseconds, memoryBytes, resetPeak } from './machine.ts';
import { makePayload } from './payload.ts';
import { median } from './statistics.ts';
import { startNodeGateway, startWorker } from './subjects/plain.ts';
import { type CallerKey, type Postern, startPostern } from './subjects/postern.ts';
import type { Site, Subject } from './subjects/subject.ts';
import { startUpstream } from './upstream.ts';

/** One way of calling one subject. */
interface Contender {
  readonly name: string;
  readonly subject: Subject;
  headers(body: Buffer, bytes: number): Promise<Record<string, string>>;
  /** Measured at every number of connections; others only at the middle one. */
  readonly always: boolean;
}

/** A figure over the rounds. */
export interface Spread {
  readonly median: number;
  readonly min: number;
  readonly max: number;
}

/** What was measured of one contender at one size and number of connections; medians over the rounds. */
export interface Cell {
  readonly name: string;
  readonly bytes: number;
  readonly connections: number;
  /** CPU microseconds a call, of all the server's processes. */
  readonly cpuMicros: number;
  /** The same as a multiple of the floor's in the same round. */
  readonly toFloor: Spread;
  readonly callsPerSecond: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  /** The most resident memory during the rounds. */
  readonly peakBytes: number;
  readonly calls: number;
  /** Answers other than 2xx by status, over all rounds: where there are any, the figures above do not count. */
  readonly failures: Readonly<Record<string, number>>;
}

export interface Comparison {
  readonly cells: readonly Cell[];
  /** Calls to the tenant's object for each call forwarded, of a tenant with limits, seen in its use. */
  readonly objectCallsPerCall: number;
  /** The same where each call comes alone, seconds after the one before. */
  readonly objectCallsPerLoneCall: number;
}

export interface CompareOptions {
  readonly rounds: number;
  readonly secondsPerRound: number;
  readonly sizes: readonly number[];
  /** Only contenders whose name has this in it, and the floor. */
  readonly only?: string | undefined;
  readonly tell: (line: string) => void;
}

export const FLOOR = 'workerd, passing through (the floor)';
const SIGNING = 'the floor, signing';
export const POSTERN = 'Postern';
const UNCHECKED = `${POSTERN}, JSON check off`;
const SIGNED = `${POSTERN}, signed caller, limits`;
const FASTIFY = 'Fastify, @fastify/http-proxy, aws4';
const EXPRESS = 'Express, http-proxy-middleware, aws4';
/** Those that the plot shows, as multiples of the floor. */
export const PLOTTED = [SIGNING, POSTERN, UNCHECKED, SIGNED, FASTIFY, EXPRESS];
export const MIDDLE_CONNECTIONS = 16;
const CONNECTIONS = [1, MIDDLE_CONNECTIONS, 64];
/** Six of the largest calls of a tenant fit into an isolate's budget of bytes in flight at once; one more is refused. */
const CONNECTIONS_OF_LARGE = [1, 4, 64];
const LARGE_BYTES = 4_000_000;
/** Limits that are counted, and never reached. */
const LIMITS = {
  limits: {
    rate: { perSecond: 1_000_000, burst: 1_000_000 },
    quotas: [{ period: 'month', requests: 1_000_000_000_000 }],
    concurrency: 1_000,
  },
};
/** Of a load after which the lazy parts of all servers have been compiled. */
const WARM_UP_CALLS = 1_000;
const WARM_UP_PART = 0.5;
const SETTLE_MS = 30;
/** A lease lasts a second. */
const LONE_PAUSE_MS = 2_500;
const LONE_CALLS = 5;

export const connectionsOf = (bytes: number) => (bytes > LARGE_BYTES ? CONNECTIONS_OF_LARGE : CONNECTIONS);

/** Measures Postern beside the floor and other gateways, all in turn in each round. */
export async function compare(folder: string, options: CompareOptions): Promise<Comparison> {
  const { rounds, secondsPerRound, sizes, only, tell } = options;
  const upstream = await startUpstream(folder);
  const load = startLoad();
  const subjects: Subject[] = [];
  try {
    const site = async (name: string): Promise<Site> => {
      const own = join(folder, name);
      await mkdir(own);
      return { folder: own, upstream: upstream.origin };
    };
    tell('starting the servers');
    const { contenders, postern, limitedId } = await startAll(site, subjects);
    const floor = contenders[0];
    const shown = contenders.filter(
      ({ name }) => name === FLOOR || name.toLowerCase().includes((only ?? '').toLowerCase()),
    );
    if (!floor || shown.length < 2) throw new Error(`no contender has '${only}' in its name`);

    const bodyFile = join(folder, 'body');
    const call = async ({ subject, headers }: Contender, body: Buffer, connections: number, calls: number) => {
      const order = { url: subject.url, headers: await headers(body, body.length), bodyFile, connections, calls };
      return load.run(order);
    };
    const small = makePayload(200);
    await writeFile(bodyFile, small);
    for (const contender of shown) await call(contender, small, MIDDLE_CONNECTIONS, WARM_UP_CALLS);

    const cells: Cell[] = [];
    for (const bytes of sizes) {
      const body = makePayload(bytes);
      await writeFile(bodyFile, body);
      const levels = connectionsOf(bytes);
      for (const connections of levels) {
        const middle = connections === levels[1];
        const here = shown.filter(({ always }) => always || middle);
        tell(`${bytes} bytes, ${connections} connections`);
        cells.push(...(await measureInTurn(here, { bytes, connections, rounds, secondsPerRound }, call, body)));
      }
    }
    tell('calls that come alone');
    const lone = await postern.makeTenant(LIMITS);
    const loneCaller = { headers: { 'x-api-key': lone.apiKey, 'content-type': 'application/json' }, bodyFile };
    await writeFile(bodyFile, small);
    for (let calls = 0; calls < LONE_CALLS; calls++) {
      await load.run({ url: postern.url, ...loneCaller, connections: 1, calls: 1 });
      await new Promise((passed) => setTimeout(passed, LONE_PAUSE_MS));
    }
    const objectCalls = async (tenantId: string) => {
      const path = `/tenants/${tenantId}/usage`;
      const { totals } = await postern.admin<{ totals: { forwarded: number; ledgerCalls: number } }>('GET', path);
      return totals.ledgerCalls / totals.forwarded;
    };
    return {
      cells,
      objectCallsPerCall: await objectCalls(limitedId),
      objectCallsPerLoneCall: await objectCalls(lone.tenantId),
    };
  } finally {
    await load.stop();
    for (const subject of subjects) await subject.stop();
    await upstream.stop();
  }
}

/** Starts every server. The floor's contender comes first. */
async function startAll(site: (name: string) => Promise<Site>, subjects: Subject[]) {
  const add = async <T extends Subject>(starting: Promise<T>): Promise<T> => {
    const subject = await starting;
    subjects.push(subject);
    return subject;
  };
  const postern: Postern = await add(startPostern(await site('postern')));
  const unchecked: Postern = await add(
    startPostern(await site('unchecked'), { settings: { POSTERN_CHECK_JSON: 'off' } }),
  );
  const plain = await postern.makeTenant();
  const limited = await postern.makeTenant(LIMITS);
  const floor = await add(startWorker(FLOOR, 'floor-worker.ts', await site('floor')));
  const signing = await add(startWorker(SIGNING, 'signing-worker.ts', await site('signing')));
  const nodeKey = plain.apiKey;
  const fastify = await add(startNodeGateway(FASTIFY, 'fastify-process.ts', await site('fastify'), nodeKey));
  const express = await add(startNodeGateway(EXPRESS, 'express-process.ts', await site('express'), nodeKey));

  const byKey = ({ apiKey }: { apiKey: string }) => ({
    headers: async () => ({ 'x-api-key': apiKey, 'content-type': 'application/json' }),
  });
  const bySignature = (key: CallerKey) => ({
    headers: (body: Buffer) => signCall(postern.url, key, body),
  });
  const contenders: Contender[] = [
    { name: FLOOR, subject: floor, ...byKey(plain), always: true },
    { name: signing.name, subject: signing, ...byKey(plain), always: true },
    { name: POSTERN, subject: postern, ...byKey(plain), always: true },
    { name: UNCHECKED, subject: unchecked, ...byKey(await unchecked.makeTenant()), always: false },
    { name: `${POSTERN}, limits`, subject: postern, ...byKey(limited), always: false },
    { name: `${POSTERN}, signed caller`, subject: postern, ...bySignature(plain), always: false },
    { name: SIGNED, subject: postern, ...bySignature(limited), always: false },
    { name: fastify.name, subject: fastify, ...byKey(plain), always: true },
    { name: express.name, subject: express, ...byKey(plain), always: true },
  ];
  return { contenders, postern, limitedId: limited.tenantId };
}

interface Conditions {
  readonly bytes: number;
  readonly connections: number;
  readonly rounds: number;
  readonly secondsPerRound: number;
}

interface Round {
  readonly report: LoadReport;
  readonly cpuMicros: number;
}

type MakeCalls = (contender: Contender, body: Buffer, connections: number, calls: number) => Promise<LoadReport>;

/** Measures contenders in rounds, each in turn; the first is the floor. */
async function measureInTurn(
  contenders: readonly Contender[],
  { bytes, connections, rounds, secondsPerRound }: Conditions,
  call: MakeCalls,
  body: Buffer,
): Promise<Cell[]> {
  const kept = contenders.map((contender) => ({ contender, calls: 0, rounds: [] as Round[], peakBytes: 0 }));
  for (const each of kept) {
    // Finds out how many calls a round's time has room for, and warms up.
    const rate = async (calls: number) => calls / (await call(each.contender, body, connections, calls)).seconds;
    const roughly = await rate(Math.max(connections, 8));
    const rated = await rate(Math.max(connections, Math.ceil(roughly * secondsPerRound * WARM_UP_PART)));
    each.calls = Math.max(connections * 2, Math.round(rated * secondsPerRound));
  }
  for (let round = 0; round < rounds; round++) {
    for (const each of kept) {
      const { pid } = each.contender.subject.server;
      await resetPeak(pid);
      const before = await cpuMicroseconds(pid);
      const report = await call(each.contender, body, connections, each.calls);
      await new Promise((settled) => setTimeout(settled, SETTLE_MS));
      each.rounds.push({ report, cpuMicros: ((await cpuMicroseconds(pid)) - before) / each.calls });
      each.peakBytes = Math.max(each.peakBytes, (await memoryBytes(pid)).peak);
      each.contender.subject.server.truncateLog();
    }
  }
  const floorRounds = kept[0]?.rounds ?? [];
  return kept.map(({ contender, calls, rounds: own, peakBytes }) => {
    const middle = (pick: (round: Round) => number) => median(own.map(pick));
    const ratios = own.map(({ cpuMicros }, index) => cpuMicros / (floorRounds[index]?.cpuMicros ?? Number.NaN));
    const failures: Record<string, number> = {};
    for (const { report } of own) {
      for (const [status, count] of Object.entries(report.failures)) failures[status] = (failures[status] ?? 0) + count;
    }
    return {
      name: contender.name,
      bytes,
      connections,
      cpuMicros: middle(({ cpuMicros }) => cpuMicros),
      toFloor: { median: median(ratios), min: Math.min(...ratios), max: Math.max(...ratios) },
      callsPerSecond: middle(({ report }) => report.answered / report.seconds),
      p50Ms: middle(({ report }) => report.p50Ms),
      p99Ms: middle(({ report }) => report.p99Ms),
      peakBytes,
      calls: calls * own.length,
      failures,
    };
  });
}
