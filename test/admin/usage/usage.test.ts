import { env } from 'cloudflare:workers';
import { describe, expect, it } from 'vitest';
import { durationBucket, emptyUsage, type Usage } from '../../../src/core/usage/usage.ts';
import { admin } from '../client.ts';

const HOUR = 3_600_000;

/** Makes a tenant of which an isolate reports this use. */
async function tenantThatUsed(limits: object, uses: readonly (readonly [string, Partial<Usage>])[]) {
  const { id } = (await admin('POST', '/tenants', { name: 'used', limits })).body;
  const stub = env.TENANT.get(env.TENANT.idFromName(id));
  const use = new Map(uses.map(([name, one]) => [name, { ...emptyUsage(), ...one }] as const));
  await stub.ask(
    {
      holder: 'isolate',
      seq: 1,
      reports: [],
      batches: [{ id: 1, use, corrections: [{ atMs: Date.now(), calls: 3, bytes: 30 }] }],
      keepSlots: 0,
      inFlight: 0,
      arrived: 0,
      wanted: { calls: 0, bytes: 0, slots: 0 },
      waiting: { calls: 0, bytes: 0 },
    },
    0,
  );
  return id as string;
}

describe('usage', () => {
  it('has totals, functions, a series and the status of the limits', async () => {
    const limits = { concurrency: 4, quotas: [{ period: 'week', requests: 10, payloadBytes: 100 }] };
    const id = await tenantThatUsed(limits, [
      ['', { calls: 2, refused: { 'limit-rate': 1, 'function-not-allowed': 1 } }],
      [
        'orders',
        { calls: 2, forwarded: 2, durationMs: 300, durations: durationBucket(250), metered: 1, billedMbMs: 512_000 },
      ],
      ['bills', { calls: 1, forwarded: 1, functionErrors: 1, durationMs: 9, durations: durationBucket(1_000_000) }],
    ]);
    const { status, body } = await admin('GET', `/tenants/${id}/usage`);
    expect(status).toBe(200);
    expect(body.step).toBe('hour');
    expect(body.totals).toMatchObject({
      calls: 5,
      forwarded: 3,
      refused: { 'limit-rate': 1, 'function-not-allowed': 1 },
      functionErrors: 1,
      unsettled: 0,
      ledgerCalls: 1,
      durationMs: 309,
      gbSeconds: 0.5,
    });
    expect(body.totals.durations).toEqual([
      { upToMs: 250, calls: 1 },
      { upToMs: null, calls: 1 },
    ]);
    expect(Object.keys(body.functions).sort()).toEqual(['bills', 'orders']);
    expect(body.functions.bills).toMatchObject({ calls: 1, functionErrors: 1 });
    expect(body.series).toHaveLength(1);
    expect(body.series[0]).toMatchObject({ calls: 5, forwarded: 3 });
    expect(Date.parse(body.series[0].at) % HOUR).toBe(0);
    expect(body.limits).toMatchObject([
      { limit: 'concurrency', quota: 4, remaining: 4, resetsAt: null },
      { limit: 'week-requests', quota: 10, remaining: 7 },
      { limit: 'week-bytes', quota: 100, remaining: 70 },
    ]);
    expect(new Date(body.limits[1].resetsAt).getUTCDay()).toBe(1);
  });

  it('is asked for over any time that is kept, to the step', async () => {
    const id = await tenantThatUsed({}, [['f', { calls: 1, forwarded: 1 }]]);
    const now = Date.now();
    const at = (ms: number) => encodeURIComponent(new Date(now + ms).toISOString());
    const before = await admin('GET', `/tenants/${id}/usage?from=${at(-30 * HOUR)}&to=${at(-2 * HOUR)}&step=minute`);
    expect(before.body).toMatchObject({ step: 'minute', totals: { calls: 0 }, series: [] });
    const days = await admin('GET', `/tenants/${id}/usage?from=${new Date(now).toISOString().slice(0, 10)}&step=day`);
    expect(days.body).toMatchObject({
      totals: { calls: 1 },
      from: `${new Date(now).toISOString().slice(0, 10)}T00:00:00.000Z`,
    });
    const offset = await admin('GET', `/tenants/${id}/usage?from=2026-11-23T10:00:00%2B02:00&to=2026-11-23T09:30:00Z`);
    expect(offset.body.from ?? offset.body.detail).toMatch(/2026-11-23T08:00:00.000Z|kept/);
  });

  it.each([
    ['from', 'from=yesterday'],
    ['from', 'from=2026-01-02&to=2026-01-01'],
    ['from', 'from=2020-01-01'],
    ['from', `step=minute&from=${encodeURIComponent(new Date(Date.now() - 72 * HOUR).toISOString())}`],
    ['to', 'to=2199-01-01'],
    ['step', 'step=second'],
  ])('names %s when it is wrong in ?%s', async (pointer, query) => {
    const id = await tenantThatUsed({}, []);
    const { status, body } = await admin('GET', `/tenants/${id}/usage?${query}`);
    expect([status, body.errors?.[0]?.pointer]).toEqual([400, pointer]);
  });

  it('is not found for a tenant that is gone', async () => {
    const id = await tenantThatUsed({}, []);
    await admin('DELETE', `/tenants/${id}`);
    expect((await admin('GET', `/tenants/${id}/usage`)).status).toBe(404);
  });
});
