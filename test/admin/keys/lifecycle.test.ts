import { env } from 'cloudflare:workers';
import { afterEach, describe, expect, it, vi } from 'vitest';
import type { LeaseRequest } from '../../../src/core/quota/lease-protocol.ts';
import { checkKey } from '../../../src/core/tenancy/snapshot.ts';
import { admin } from '../client.ts';

const stubOf = (id: string) => env.TENANT.get(env.TENANT.idFromName(id));
const makeTenant = async (more: object = {}) =>
  (await admin('POST', '/tenants', { name: 'Acme', ...more })).body.id as string;
const makeKey = async (id: string, more: object = {}) => (await admin('POST', `/tenants/${id}/keys`, more)).body;

afterEach(() => {
  vi.useRealTimers();
});

/** Whether a gateway isolate would take a key at a moment. */
async function takes(id: string, keyId: string, atMs: number): Promise<string> {
  const snapshot = await stubOf(id).snapshot();
  if (!snapshot.exists) return 'no tenant';
  return checkKey(snapshot, id as never, keyId as never, atMs)?.reason ?? 'taken';
}

describe('a key that is rotated', () => {
  it('works on for its grace, and not a second beyond', async () => {
    const now = Date.UTC(2027, 0, 1);
    vi.useFakeTimers({ now, toFake: ['Date'] });
    const id = await makeTenant();
    const old = await makeKey(id, { name: 'production' });
    const { status, body } = await admin('POST', `/tenants/${id}/keys/${old.id}/rotate`, { graceSeconds: 600 });
    expect(status).toBe(201);
    expect(body).toMatchObject({ name: 'production', expiresAt: null, accessKeyId: body.id });
    expect(body.apiKey).not.toBe(old.apiKey);
    for (const [after, takesOld] of [
      [0, 'taken'],
      [599_999, 'taken'],
      [600_000, 'key-expired'],
    ] as const) {
      expect([await takes(id, old.id, now + after), await takes(id, body.id, now + after)]).toEqual([
        takesOld,
        'taken',
      ]);
    }
  });

  it('keeps the end that it had, and hands it on', async () => {
    const id = await makeTenant();
    const expiresAt = new Date(Date.now() + 60_000).toISOString();
    const old = await makeKey(id, { expiresAt });
    const rotated = await admin('POST', `/tenants/${id}/keys/${old.id}/rotate`, { graceSeconds: 3_600 });
    expect(rotated.body.expiresAt).toBe(expiresAt);
    const { keys } = (await admin('GET', `/tenants/${id}/keys`)).body;
    expect(keys.map((key: { expiresAt: string }) => key.expiresAt)).toEqual([expiresAt, expiresAt]);
  });

  it('ends at once without grace, and cannot be rotated again', async () => {
    const id = await makeTenant();
    const old = await makeKey(id);
    await admin('POST', `/tenants/${id}/keys/${old.id}/rotate`, { graceSeconds: 0 });
    expect(await takes(id, old.id, Date.now())).toBe('key-expired');
    expect((await admin('POST', `/tenants/${id}/keys/${old.id}/rotate`, {})).status).toBe(409);
    expect((await admin('POST', `/tenants/${id}/keys/unknown/rotate`, {})).status).toBe(404);
    const wrong = await admin('POST', `/tenants/${id}/keys/${old.id}/rotate`, { graceSeconds: -1 });
    expect([wrong.status, wrong.body.errors[0].pointer]).toEqual([400, '#/graceSeconds']);
  });

  it('does not let expired keys take the place of live ones, nor pile up', async () => {
    const id = await makeTenant();
    let { id: keyId } = await makeKey(id);
    for (let time = 0; time < 60; time++) {
      const rotated = await admin('POST', `/tenants/${id}/keys/${keyId}/rotate`, { graceSeconds: 0 });
      expect(rotated.status).toBe(201);
      keyId = rotated.body.id;
    }
    const snapshot = await stubOf(id).snapshot();
    expect(snapshot.exists && Object.keys(snapshot.keys).length).toBeLessThanOrEqual(52);
  });
});

describe('the last use of a key', () => {
  it('is reported by isolates, and shown with the key', async () => {
    const id = await makeTenant();
    const { id: keyId } = await makeKey(id);
    const ask = (seq: number): LeaseRequest => ({
      holder: 'isolate',
      seq,
      reports: [],
      batches: [],
      keepSlots: 0,
      inFlight: 0,
      arrived: 0,
      wanted: { calls: 0, bytes: 0, slots: 0 },
      waiting: { calls: 0, bytes: 0 },
    });
    const lastUsed = async () => (await admin('GET', `/tenants/${id}/keys`)).body.keys[0].lastUsedAt;
    expect(await lastUsed()).toBeNull();
    const usedAt = Date.UTC(2026, 10, 23);
    await stubOf(id).ask(ask(1), 0, new Map([[keyId, usedAt]]));
    expect(await lastUsed()).toBe('2026-11-23T00:00:00.000Z');
    await stubOf(id).ask(ask(2), 0, new Map([[keyId, usedAt - 90_000]]));
    expect(await lastUsed()).toBe('2026-11-23T00:00:00.000Z');
    await stubOf(id).ask(ask(3), 0, new Map([[keyId, usedAt + 60_000]]));
    expect(await lastUsed()).toBe('2026-11-23T00:01:00.000Z');
  });
});
