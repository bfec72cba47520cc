import { describe, expect, it } from 'vitest';
import { admin } from '../client.ts';

async function makeKey(): Promise<{ path: string; key: { id: string } }> {
  const { id } = (await admin('POST', '/tenants', { name: 'Acme' })).body;
  const path = `/tenants/${id}/keys`;
  return { path, key: (await admin('POST', path, {})).body };
}

describe('D5: a key that was rotated', () => {
  it('is not rotated again: 409 names its successor, and shows no secret', async () => {
    const { path, key } = await makeKey();
    const first = await admin('POST', `${path}/${key.id}/rotate`, { graceSeconds: 600 });
    expect(first.status).toBe(201);
    for (const graceSeconds of [600, 0]) {
      const again = await admin('POST', `${path}/${key.id}/rotate`, { graceSeconds });
      expect([again.status, again.body.reason, again.body.successor]).toEqual([409, 'already-rotated', first.body.id]);
      expect(JSON.stringify(again.body)).not.toContain(first.body.secretAccessKey);
      expect(JSON.stringify(again.body)).not.toContain(first.body.apiKey);
    }
    const { keys } = (await admin('GET', path)).body;
    expect(keys).toHaveLength(2);
    // The second request has not moved the end of the old key.
    const old = keys.find(({ id }: { id: string }) => id === key.id);
    expect(Date.parse(old.expiresAt)).toBeGreaterThan(Date.now() + 500_000);
  });

  it('names its successor also when both were asked for at once, when it has expired, and when that one is revoked', async () => {
    const { path, key } = await makeKey();
    const both = await Promise.all([1, 2].map(() => admin('POST', `${path}/${key.id}/rotate`, { graceSeconds: 0 })));
    expect(both.map(({ status }) => status).sort()).toEqual([201, 409]);
    const made = both.find(({ status }) => status === 201)?.body.id;
    expect((await admin('POST', `${path}/${key.id}/rotate`, {})).body.successor).toBe(made);
    expect((await admin('DELETE', `${path}/${made}`)).status).toBe(204);
    const again = await admin('POST', `${path}/${key.id}/rotate`, {});
    expect([again.status, again.body.successor]).toEqual([409, made]);
  });

  it('has a successor that is rotated in its turn', async () => {
    const { path, key } = await makeKey();
    const second = await admin('POST', `${path}/${key.id}/rotate`, {});
    const third = await admin('POST', `${path}/${second.body.id}/rotate`, {});
    expect([third.status, third.body.id === second.body.id]).toEqual([201, false]);
  });
});
