import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type Cluster, load, startCluster } from '../support/cluster.ts';
import { invokePath, makeTenant, send, takeCalls } from '../support/postern.ts';

let cluster: Cluster;
beforeAll(async () => {
  cluster = await startCluster(3);
});
afterAll(async () => {
  await cluster?.stop();
});
beforeEach(async () => {
  await takeCalls(cluster.lambda);
});

const gateway = () => cluster.gateways[0] ?? '';
const wait = (ms: number) => new Promise<void>((waited) => setTimeout(waited, ms));
const tenantWith = (more: object, allow: object = { function: '*' }) =>
  makeTenant({ gateway: gateway(), adminToken: cluster.adminToken }, [allow], more);

interface Totals {
  readonly calls: number;
  readonly forwarded: number;
  readonly refused: Readonly<Record<string, number>>;
  readonly unsettled: number;
  readonly ledgerCalls: number;
  readonly throttled: number;
  readonly functionErrors: number;
  readonly bytesIn: number;
  readonly bytesOut: number;
  readonly metered: number;
  readonly gbSeconds: number;
}
interface Usage {
  readonly totals: Totals;
  readonly functions: Readonly<Record<string, Totals>>;
  readonly limits: readonly { limit: string; remaining: number }[];
}
/** A tenant's use, when all of it has been told: it is at most 2 seconds behind. */
async function usageOf(tenantId: string): Promise<Usage> {
  await wait(2_000);
  return (await cluster.admin<Usage>('GET', `/tenants/${tenantId}/usage`)).body;
}

/** The most calls that were running at the local Lambda at one time. */
function mostAtOnce(calls: readonly { startedAtMs: number; endedAtMs?: number | null }[]): number {
  const ends = calls.flatMap(({ startedAtMs, endedAtMs }) => [
    [startedAtMs, 1] as const,
    [endedAtMs ?? Number.POSITIVE_INFINITY, -1] as const,
  ]);
  let running = 0;
  let most = 0;
  for (const [, change] of ends.sort(([a, up], [b, other]) => a - b || up - other)) {
    running += change;
    most = Math.max(most, running);
  }
  return most;
}

describe('a quota of 1,000 under 5,000 calls on 64 connections', () => {
  const quotas = [{ period: 'month', requests: 1_000 }];

  it.each([1, 3])('lets exactly 1,000 reach Lambda through %i isolates', async (isolates) => {
    const { id, apiKey } = await tenantWith({ limits: { quotas } });
    const { counts } = await load(cluster.gateways.slice(0, isolates), { calls: 5_000, connections: 64, apiKey });
    expect(counts).toEqual({ '200': 1_000, '429 limit-month-requests': 4_000 });
    expect(await takeCalls(cluster.lambda)).toHaveLength(1_000);
    const { totals, limits } = await usageOf(id);
    expect(totals).toMatchObject({
      calls: 5_000,
      forwarded: 1_000,
      refused: { 'limit-month-requests': 4_000 },
      unsettled: 0,
      bytesIn: 2_000,
    });
    expect(limits).toMatchObject([{ limit: 'month-requests', remaining: 0 }]);
  });

  it('loses at most a lease of an isolate that is killed, and never lets more through', async () => {
    const { id, apiKey } = await tenantWith({ limits: { quotas } });
    let crashing: Promise<void> | undefined;
    let crashes = 0;
    const before = (call: number) => {
      if (call >= 150 * (crashes + 1) && crashes < 5) {
        crashes += 1;
        // While calls are on their way.
        crashing = wait(5).then(() => cluster.crash());
      }
      return crashing;
    };
    const { counts } = await load(cluster.gateways, { calls: 5_000, connections: 64, apiKey, before });
    expect(crashes).toBe(5);
    const reached = (await takeCalls(cluster.lambda)).length;
    const { totals, limits } = await usageOf(id);
    console.log('killed five times: %i of 1,000 reached Lambda; %j; %j', reached, counts, totals);
    expect(reached).toBeLessThanOrEqual(1_000);
    // Three isolates die each time, each with at most 1 in 100 of what is left.
    expect(reached).toBeGreaterThanOrEqual(1_000 - 5 * 3 * 10);
    expect(totals.forwarded + totals.unsettled).toBe(1_000);
    expect(reached - totals.forwarded).toBeGreaterThanOrEqual(0);
    expect(reached - totals.forwarded).toBeLessThanOrEqual(totals.unsettled);
    expect(limits).toMatchObject([{ remaining: 0 }]);
  });
});

describe('a rate of 50 a second with a burst of 100', () => {
  it('is kept to in every interval under 500 calls a second for 20 seconds, and used in full', async () => {
    const { id, apiKey } = await tenantWith({ limits: { rate: { perSecond: 50, burst: 100 } } });
    const startedAt = performance.now();
    // 500 a second, each call when its time has come.
    const before = (call: number) => wait(Math.max(0, startedAt + call * 2 - performance.now()));
    await load(cluster.gateways, { calls: 10_000, connections: 64, apiKey, before });
    const starts = (await takeCalls(cluster.lambda)).map(({ startedAtMs }) => startedAtMs).sort((a, b) => a - b);
    let mostOver = Number.NEGATIVE_INFINITY;
    for (let from = 0; from < starts.length; from++) {
      for (let to = from; to < starts.length; to++) {
        const seconds = ((starts[to] ?? 0) - (starts[from] ?? 0)) / 1_000;
        const window = Math.ceil(seconds * 10) / 10; // every window of 100 ms, 200 ms, ...
        mostOver = Math.max(mostOver, to - from + 1 - (100 + 50 * (window + 1)));
      }
    }
    const seconds = ((starts.at(-1) ?? 0) - (starts[0] ?? 0)) / 1_000;
    console.log('%i forwarded in %s s; over burst + rate x (T + 1): %s', starts.length, seconds, mostOver);
    expect(mostOver).toBeLessThanOrEqual(0);
    expect(starts.length).toBeGreaterThan(0.9 * (100 + 50 * seconds));
    const { totals } = await usageOf(id);
    expect(totals.forwarded).toBe(starts.length);
    // Every lease is spent at once and each refusal is leased for a while: still no question for each call.
    expect(totals.ledgerCalls).toBeLessThan(1_000);
  });
});

describe('a busy tenant with room in its limits', () => {
  it('touches its object in fewer than 5 of 100 calls', async () => {
    const limits = {
      rate: { perSecond: 20_000, burst: 20_000 },
      quotas: [{ period: 'day', requests: 10_000_000 }],
      concurrency: 1_000,
    };
    const { id, apiKey } = await tenantWith({ limits });
    const { counts } = await load([gateway()], { calls: 10_000, connections: 32, apiKey });
    expect(counts).toEqual({ '200': 10_000 });
    const { totals } = await usageOf(id);
    console.log('10,000 calls on 32 connections: %i calls of the object', totals.ledgerCalls);
    expect(totals).toMatchObject({ forwarded: 10_000, unsettled: 0 });
    expect(totals.ledgerCalls).toBeLessThan(500);
  });
});

describe('a concurrency of 5', () => {
  // Longer than it takes 50 calls to come, on a busy machine too.
  const slow = { functionName: 'slow', payload: '{"ms":3000}' };

  it('never has more than 5 functions running, over isolates, and has all slots back after', async () => {
    const { id, apiKey } = await tenantWith({ limits: { concurrency: 5 } });
    const { counts } = await load(cluster.gateways, { calls: 50, connections: 50, apiKey, ...slow });
    expect(counts).toEqual({ '200': 5, '429 limit-concurrency': 45 });
    // Spread over half a second and more, however fast the refusals are: slots come back and are taken again.
    const again = { functionName: 'slow', payload: '{"ms":50}', before: () => wait(25) };
    await load(cluster.gateways, { calls: 400, connections: 20, apiKey, ...again });
    const calls = await takeCalls(cluster.lambda);
    expect(calls.length).toBeGreaterThan(10);
    expect(mostAtOnce(calls)).toBe(5);
    const { totals, limits } = await usageOf(id);
    expect(totals.forwarded).toBe(calls.length);
    expect(limits).toEqual([expect.objectContaining({ limit: 'concurrency', remaining: 5 })]);
  });

  it('is not raised by callers that hang up', async () => {
    const { id, apiKey } = await tenantWith({ limits: { concurrency: 5 } });
    const headers = { 'x-api-key': apiKey, 'content-type': 'application/json' };
    const seen = async () => (await (await fetch(`${cluster.lambda}/_calls`)).json()) as object[];
    for (let round = 0; round < 6 || (await seen()).length < 5; round++) {
      await Promise.all(
        Array.from({ length: 10 }, async (_, at) => {
          const signal = AbortSignal.timeout(50 + at * 10);
          const url = `${cluster.gateways[at % 3]}${invokePath('slow')}`;
          await fetch(url, { method: 'POST', headers, body: '{"ms":700}', signal }).catch(() => {});
        }),
      );
    }
    await expect.poll(async () => (await usageOf(id)).limits, { timeout: 30_000 }).toMatchObject([{ remaining: 5 }]);
    const calls = await takeCalls(cluster.lambda);
    expect(mostAtOnce(calls)).toBeLessThanOrEqual(5);
    const { totals } = await usageOf(id);
    expect(totals.forwarded).toBe(calls.length);
  });
});

describe('a limited tenant', () => {
  const post = (apiKey: string, name: string, body = '{}', more: Record<string, string> = {}) =>
    send(gateway(), invokePath(name), {
      headers: { 'x-api-key': apiKey, 'content-type': 'application/json', ...more },
      body,
    });

  it('sees the status of its limits on every answer, and is refused in the shape of the service', async () => {
    const limits = { rate: { perSecond: 0.5, burst: 2 }, quotas: [{ period: 'week', requests: 50 }] };
    const { apiKey } = await tenantWith({ limits });
    const first = await post(apiKey, 'hello');
    expect(first.headers['ratelimit-policy']).toBe('"rate";q=2;w=4, "week-requests";q=50;w=604800');
    expect(first.headers.ratelimit).toMatch(/^"rate";r=1;t=\d+, "week-requests";r=49;t=\d+$/);
    const invalid = await post(apiKey, 'hello', '{"');
    expect([invalid.status, invalid.headers['ratelimit-policy']]).toEqual([400, first.headers['ratelimit-policy']]);
    await post(apiKey, 'hello');
    const refused = await post(apiKey, 'hello');
    expect(refused.status).toBe(429);
    expect(refused.headers).toMatchObject({
      'x-amzn-errortype': 'TooManyRequestsException',
      'x-postern-refusal': 'limit-rate',
      'ratelimit-policy': first.headers['ratelimit-policy'],
    });
    expect(Number(refused.headers['retry-after'])).toBeGreaterThanOrEqual(1);
    expect(Number(refused.headers['retry-after'])).toBeLessThanOrEqual(2);
    expect(refused.headers.ratelimit).toMatch(/^"rate";r=0;/);
    expect(JSON.parse(refused.body.toString())).toMatchObject({ Reason: 'CallerRateLimitExceeded', Type: 'User' });
  });

  it('pays nothing for what is refused, invalid, or throttled by Lambda', async () => {
    const { id, apiKey } = await tenantWith(
      { limits: { quotas: [{ period: 'month', requests: 10 }] } },
      { function: '*', qualifiers: ['$LATEST'] },
    );
    for (let time = 0; time < 12; time++) {
      expect((await post(apiKey, 'hello', '{"')).status).toBe(400);
      expect((await post(apiKey, 'hello:live')).status).toBe(403);
      expect((await post(apiKey, 'throttled')).status).toBe(429);
    }
    expect((await post(apiKey, 'hello')).status).toBe(200);
    expect((await post(apiKey, 'fail')).status).toBe(200);
    const { totals, functions, limits } = await usageOf(id);
    expect(totals).toMatchObject({
      calls: 38,
      forwarded: 14,
      throttled: 12,
      functionErrors: 1,
      refused: { 'payload-not-json': 12, 'qualifier-not-allowed': 12 },
    });
    expect(functions.throttled).toMatchObject({ calls: 12, forwarded: 12, throttled: 12 });
    expect(limits).toMatchObject([{ limit: 'month-requests', remaining: 8 }]);
  });

  it('is held to its payload bytes, in all and each, before anything is sent', async () => {
    const limits = { maxPayloadBytes: 1_000, quotas: [{ period: 'month', payloadBytes: 2_500 }] };
    const { id, apiKey } = await tenantWith({ limits });
    const bytes = (count: number) => JSON.stringify('x'.repeat(count - 2));
    const large = await post(apiKey, 'hello', bytes(1_001));
    expect([large.status, large.headers['x-postern-refusal']]).toEqual([413, 'payload-too-large']);
    for (const size of [1_000, 1_000]) expect((await post(apiKey, 'hello', bytes(size))).status).toBe(200);
    const refused = await post(apiKey, 'hello', bytes(501));
    expect([refused.status, refused.headers['x-postern-refusal']]).toEqual([429, 'limit-month-bytes']);
    expect((await post(apiKey, 'hello', bytes(500))).status).toBe(200);
    expect(await takeCalls(cluster.lambda)).toHaveLength(3);
    const { totals, limits: standing } = await usageOf(id);
    expect(totals.bytesIn).toBe(2_500);
    expect(standing).toMatchObject([{ limit: 'month-bytes', remaining: 0 }]);
  });

  it('is metered by the REPORT line where it says so, and does not see a log that it did not ask for', async () => {
    const { id, apiKey } = await tenantWith({ meterDuration: true });
    const silent = await post(apiKey, 'log');
    expect([silent.status, silent.headers['x-amz-log-result']]).toEqual([200, undefined]);
    expect((await post(apiKey, 'log', '{}', { 'x-amz-invocation-type': 'Event' })).status).toBe(202);
    const asked = await post(apiKey, 'log', '{}', { 'x-amz-log-type': 'Tail' });
    expect(asked.headers['x-postern-refusal']).toBe('log-tail-not-allowed');
    const seen = await takeCalls(cluster.lambda);
    expect(seen.map(({ headers }) => headers['x-amz-log-type'])).toEqual(['Tail', undefined]);
    const { totals } = await usageOf(id);
    expect(totals).toMatchObject({ forwarded: 2, metered: 1 });
    expect(totals.gbSeconds).toBeGreaterThan(0);
  });

  it('is held to limits that were changed, within 5 seconds', async () => {
    const { id, apiKey } = await tenantWith({});
    expect((await post(apiKey, 'hello')).status).toBe(200);
    await cluster.admin('PATCH', `/tenants/${id}`, { limits: { quotas: [{ period: 'month', requests: 1 }] } });
    await wait(5_000);
    const refused = await post(apiKey, 'hello');
    expect(refused.headers['x-postern-refusal']).toBe('limit-month-requests');
  });
});
