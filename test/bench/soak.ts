import { randomBytes } from 'node:crypto';
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { Agent, request as httpRequest } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePort } from '../support/workerd.ts';
import { describeMachine, memoryBytes, pinSelf, startServer } from './machine.ts';
import { ALLOWED, type MixedCall, makeCall } from './soak-calls.ts';
import { quantile } from './statistics.ts';
import { type CallerKey, type Postern, startPostern } from './subjects/postern.ts';

/** What was seen over a stretch of time. */
export interface SoakSample {
  /** Since the start, at its end. */
  readonly seconds: number;
  readonly residentBytes: number;
  /** Of calls that a function answered at once: API key, small body. */
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly callsPerSecond: number;
  /** Tenants made so far. */
  readonly tenantsMade: number;
}

export interface Soak {
  readonly measuredAt: string;
  readonly machine: string;
  readonly minutes: number;
  readonly samples: readonly SoakSample[];
  /** How many calls ended how, by kind. */
  readonly outcomes: Readonly<Record<string, number>>;
  /** Those that should not be. */
  readonly unexpected: Readonly<Record<string, number>>;
}

const CALLERS = 16;
/** Between two calls of a caller: the machine is to have room, or its queue is what is measured. */
const PAUSE_MS = 30;
const SAMPLE_SECONDS = 10;
const LIVE_TENANTS = 40;
const NEW_TENANT_EVERY_MS = 250;
/** Between a tenant's last call and its deletion. */
const RETIRED_MS = 2_000;
const LIMITS = { rate: { perSecond: 5, burst: 10 }, quotas: [{ period: 'day', requests: 10_000 }] };

const sleep = (ms: number) => new Promise<void>((passed) => setTimeout(passed, ms));

/** Calls of every kind by tenants that come and go, for so many minutes, at the local Lambda. */
export async function soak(minutes: number, tell: (line: string) => void): Promise<Soak> {
  const folder = await mkdtemp(join(tmpdir(), 'postern-soak-'));
  pinSelf('load');
  const secretAccessKey = randomBytes(20).toString('hex');
  const lambdaPort = await freePort();
  const lambda = await startServer('load', [process.execPath, join(import.meta.dirname, 'lambda-process.ts')], {
    port: lambdaPort,
    logFile: join(folder, 'lambda.log'),
    env: { BENCH_PORT: String(lambdaPort), BENCH_SECRET_ACCESS_KEY: secretAccessKey },
  });
  await mkdir(join(folder, 'postern'));
  const site = { folder: join(folder, 'postern'), upstream: `http://127.0.0.1:${lambdaPort}` };
  const postern = await startPostern(site, { settings: { AWS_SECRET_ACCESS_KEY: secretAccessKey } });
  try {
    return await run(postern, minutes, tell);
  } finally {
    await postern.stop();
    await lambda.stop();
    await rm(folder, { recursive: true, force: true });
  }
}

async function run(postern: Postern, minutes: number, tell: (line: string) => void): Promise<Soak> {
  const agent = new Agent({ keepAlive: true, maxSockets: CALLERS });
  const outcomes: Record<string, number> = {};
  const unexpected: Record<string, number> = {};
  const count = (to: Record<string, number>, what: string) => {
    to[what] = (to[what] ?? 0) + 1;
  };
  const startedAt = performance.now();
  const elapsedSeconds = () => (performance.now() - startedAt) / 1_000;
  const isOver = () => elapsedSeconds() >= minutes * 60;

  const tenants: (CallerKey & { tenantId: string; callsInFlight: number })[] = [];
  let tenantsMade = 0;
  const addTenant = async () => {
    const limits = tenantsMade % 2 === 0 ? {} : { limits: LIMITS };
    tenantsMade++;
    const made = await postern.makeTenant({ name: 'soak', policy: { allow: ALLOWED }, ...limits });
    tenants.push({ ...made, callsInFlight: 0 });
  };
  while (tenants.length < LIVE_TENANTS) await addTenant();
  const retire = async (tenant: (typeof tenants)[number]) => {
    while (tenant.callsInFlight > 0) await sleep(PAUSE_MS);
    await sleep(RETIRED_MS);
    await postern.admin('DELETE', `/tenants/${tenant.tenantId}`);
  };
  const turnOver = async () => {
    const retiring: Promise<void>[] = [];
    while (!isOver()) {
      const leaving = tenants.shift();
      await Promise.all([addTenant(), sleep(NEW_TENANT_EVERY_MS)]);
      if (leaving) {
        const deleted = retire(leaving).catch((error: unknown) => count(unexpected, `deleting a tenant: ${error}`));
        retiring.push(deleted);
      }
    }
    await Promise.all(retiring);
  };

  let latenciesMs: number[] = [];
  let calls = 0;
  const callOn = async () => {
    while (!isOver()) {
      const tenant = tenants[Math.floor(Math.random() * tenants.length)];
      if (!tenant) throw new Error('no tenant is left');
      tenant.callsInFlight++;
      const call = await makeCall(postern.origin, tenant, Math.random);
      const sentAt = performance.now();
      const outcome = await send(postern.origin, call, agent);
      tenant.callsInFlight--;
      if (call.kind === 'API key' && outcome === '200') latenciesMs.push(performance.now() - sentAt);
      calls++;
      count(outcomes, `${call.kind}: ${outcome}`);
      if (!call.expected.includes(outcome)) count(unexpected, `${call.kind}: ${outcome}`);
      await sleep(PAUSE_MS);
    }
  };

  const samples: SoakSample[] = [];
  const watch = async () => {
    let lastSeconds = 0;
    while (!isOver()) {
      await sleep(SAMPLE_SECONDS * 1_000);
      if (isOver()) return; // the callers have stopped within it
      const seconds = elapsedSeconds();
      const sorted = latenciesMs.toSorted((a, b) => a - b);
      const { resident } = await memoryBytes(postern.server.pid);
      const sample = {
        seconds,
        residentBytes: resident,
        p50Ms: quantile(sorted, 0.5),
        p99Ms: quantile(sorted, 0.99),
        callsPerSecond: calls / (seconds - lastSeconds),
        tenantsMade,
      };
      samples.push(sample);
      lastSeconds = seconds;
      latenciesMs = [];
      calls = 0;
      postern.server.truncateLog();
      const memory = `${Math.round(sample.residentBytes / 1e6)} MB`;
      const latencies = `p50 ${sample.p50Ms.toFixed(2)} ms, p99 ${sample.p99Ms.toFixed(2)} ms`;
      tell(`${memory}, ${latencies}, ${Math.round(sample.callsPerSecond)} calls/s, ${tenantsMade} tenants so far`);
    }
  };

  await Promise.all([turnOver(), watch(), ...Array.from({ length: CALLERS }, callOn)]);
  agent.destroy();
  return { measuredAt: new Date().toISOString(), machine: describeMachine(), minutes, samples, outcomes, unexpected };
}

/** Sends a call and reads its answer to the end. @returns its status and, if it was Postern's, the reason. */
function send(origin: string, { path, headers, body }: MixedCall, agent: Agent): Promise<string> {
  const { promise, resolve } = Promise.withResolvers<string>();
  const { hostname, port } = new URL(origin);
  const sent = { ...headers, 'content-length': String(body.length) };
  const request = httpRequest({ hostname, port, path, method: 'POST', agent, headers: sent });
  request.on('response', (response) => {
    response.resume().on('end', () => {
      resolve([response.statusCode, response.headers['x-postern-refusal']].filter(Boolean).join(' '));
    });
    response.on('error', (error) => resolve(`broken off: ${error.message}`));
  });
  request.on('error', (error) => resolve(`lost: ${error.message}`));
  request.end(body);
  return promise;
}
