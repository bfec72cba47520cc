import { createHash } from 'node:crypto';
import { Sha256 } from '@aws-crypto/sha256-js';
import { SignatureV4 } from '@smithy/signature-v4';
import { quantile } from '../../bench/statistics.ts';
import { invokePath } from '../../support/postern.ts';
import { type RawAnswer, sendRaw } from '../../support/raw-client.ts';
import type { HostileTenant } from './world.ts';

/** An honest call that has no right answer after so long has failed. */
export const HONEST_PATIENCE_MS = 10_000;

/** What one of the honest callers saw. */
export interface HonestReport {
  readonly name: string;
  readonly calls: number;
  /** Each call that was not answered correctly in time, and why. */
  readonly failures: readonly string[];
  readonly latenciesMs: readonly number[];
}

const json = { 'content-type': 'application/json' };
const streamPath = (name: string) => `/2021-11-15/functions/${name}/response-streaming-invocations`;

/** A JSON string of so many bytes. */
const jsonString = (bytes: number, fill: string) => Buffer.from(`"${fill.repeat(bytes - 2).slice(0, bytes - 2)}"`);

const SMALL = Buffer.from(JSON.stringify({ order: 'A-1001', note: 'x'.repeat(170) }));
const ONE_MB = jsonString(1_000_000, 'signed one megabyte ');
const SIX_MB = jsonString(6_000_000, 'six megabytes up and down ');
const ONE_MB_SHA256 = createHash('sha256').update(ONE_MB).digest('hex');

const expectSame =
  (sent: Buffer) =>
  ({ status, body, headers }: RawAnswer) =>
    status === 200 && body.equals(sent)
      ? undefined
      : `${status} ${String(headers['x-postern-refusal'] ?? '')} ${body.subarray(0, 120).toString()}`;

/** Headers of a call signed by the library that AWS's own SDK for JavaScript signs with. */
async function signedHeaders(origin: string, path: string, { accessKeyId, secretAccessKey }: HostileTenant) {
  const signer = new SignatureV4({
    service: 'lambda',
    region: 'us-east-1',
    credentials: { accessKeyId, secretAccessKey },
    sha256: Sha256,
  });
  const { host } = new URL(origin);
  const { headers } = await signer.sign({
    method: 'POST',
    protocol: 'https:',
    hostname: host,
    path,
    headers: { ...json, host, 'x-amz-content-sha256': ONE_MB_SHA256 },
    body: ONE_MB,
  });
  return headers;
}

/** The four honest callers: each makes one call, and says what is wrong with its answer, if anything is. */
const CALLERS: Readonly<Record<string, (origin: string, tenant: HostileTenant) => Promise<string | undefined>>> = {
  '200 B by key': async (origin, { apiKey }) => {
    const options = { headers: { ...json, 'x-api-key': apiKey }, body: SMALL, timeoutMs: HONEST_PATIENCE_MS };
    return expectSame(SMALL)(await sendRaw(origin, invokePath('identity'), options));
  },
  '1 MB signed': async (origin, tenant) => {
    const path = invokePath('identity');
    const headers = await signedHeaders(origin, path, tenant);
    return expectSame(ONE_MB)(await sendRaw(origin, path, { headers, body: ONE_MB, timeoutMs: HONEST_PATIENCE_MS }));
  },
  '6 MB upload': async (origin, { apiKey }) => {
    const options = { headers: { ...json, 'x-api-key': apiKey }, body: SIX_MB, timeoutMs: HONEST_PATIENCE_MS };
    return expectSame(SIX_MB)(await sendRaw(origin, invokePath('identity'), options));
  },
  stream: async (origin, { apiKey }) => {
    const answer = await sendRaw(origin, streamPath('stream'), {
      headers: { ...json, 'x-api-key': apiKey, accept: 'application/octet-stream' },
      body: JSON.stringify({ chunks: 5, bytes: 1_000, delayMs: 20 }),
      timeoutMs: HONEST_PATIENCE_MS,
    });
    return answer.status === 200 && answer.body.length === 5_000
      ? undefined
      : `${answer.status} ${answer.body.length} bytes`;
  },
};

export interface HonestOptions {
  /** A lost connection is tried again until the call's time is over: what an SDK does when a gateway restarts. */
  readonly retriesLost?: boolean;
}

/** Starts the four callers, each making call after call. `stop` waits for the last ones and reports. */
export function startHonest(origin: string, tenant: HostileTenant, { retriesLost = false }: HonestOptions = {}) {
  let isOver = false;
  const run = async (name: string, call: (typeof CALLERS)[string]): Promise<HonestReport> => {
    const failures: string[] = [];
    const latenciesMs: number[] = [];
    let calls = 0;
    while (!isOver) {
      calls++;
      const startedAt = performance.now();
      for (;;) {
        const fault = await call(origin, tenant).catch((error: Error & { code?: string }) => {
          const isLost = ['ECONNRESET', 'ECONNREFUSED', 'EPIPE'].includes(error.code ?? '');
          return isLost && retriesLost && performance.now() - startedAt < HONEST_PATIENCE_MS ? 'lost' : String(error);
        });
        if (fault === 'lost') {
          await new Promise((waited) => setTimeout(waited, 50));
          continue;
        }
        if (fault === undefined) latenciesMs.push(performance.now() - startedAt);
        else failures.push(fault);
        break;
      }
      await new Promise((waited) => setTimeout(waited, 20));
    }
    return { name, calls, failures, latenciesMs };
  };
  const running = Object.entries(CALLERS).map(([name, call]) => run(name, call));
  return {
    async stop(): Promise<HonestReport[]> {
      isOver = true;
      return Promise.all(running);
    },
  };
}

/** p99 of each caller in milliseconds, for the figures that a run prints. */
export const describeHonest = (reports: readonly HonestReport[]): string =>
  reports
    .map(({ name, latenciesMs, calls }) => {
      const sorted = [...latenciesMs].sort((a, b) => a - b);
      return `${name}: ${calls} calls, p50 ${quantile(sorted, 0.5).toFixed(0)} ms, p99 ${quantile(sorted, 0.99).toFixed(0)} ms`;
    })
    .join('; ');
