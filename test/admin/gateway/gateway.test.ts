import { evictDurableObject } from 'cloudflare:test';
import { env } from 'cloudflare:workers';
import { describe, expect, it } from 'vitest';
import { VERSION } from '../../../src/version.ts';
import { admin } from '../client.ts';

describe('readGateway', () => {
  it('answers the version and an id that stays, with and without the slash of OpenAPI', async () => {
    const first = await admin('GET', '');
    expect(first).toMatchObject({
      status: 200,
      body: { version: VERSION, gatewayId: expect.stringMatching(/^g1_[a-z2-7]{16}$/) },
    });
    await evictDurableObject(env.DIRECTORY.getByName('directory'));
    for (const path of ['', '/', '?x=1']) expect((await admin('GET', path)).body).toEqual(first.body);
  });

  it('needs an admin token, and no more than read access', async () => {
    const { token } = (await admin('POST', '/admin-tokens', { name: 'gateway-viewer', access: 'read' })).body;
    const as = (bearer: string) => admin('GET', '', undefined, { authorization: `Bearer ${bearer}` });
    expect((await as(token)).status).toBe(200);
    expect((await as('no-token-of-ours')).status).toBe(401);
  });

  it('answers 405 to a change', async () => {
    for (const path of ['', '/']) {
      const { status, headers } = await admin('PATCH', path, {});
      expect([status, headers.get('allow')]).toEqual([405, 'GET, HEAD, OPTIONS']);
    }
  });
});
