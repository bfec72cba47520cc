import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type HeldObjects, startHeldObjects } from '../../support/held-objects.ts';
import { invokePath, makeTenant, send } from '../../support/postern.ts';
import { openRaw } from '../../support/raw-client.ts';
import { forgeCall } from '../../support/sign.ts';

const ALLOW = [{ function: '*' }];
const ISSUER = 'https://issuer.example';

let world: HeldObjects;
beforeAll(async () => {
  world = await startHeldObjects();
});
afterAll(() => world?.stop());

const call = async (apiKey: string) => {
  const headers = { 'x-api-key': apiKey, 'content-type': 'application/json' };
  return (await send(world.gateway, invokePath('hello'), { headers, body: '{}' })).status;
};
const reasonOf = async (...request: Parameters<typeof send>) =>
  (await send(...request)).headers['x-postern-refusal']?.toString();

describe('A1: who has seen key ids of tenants that this gateway does not know yet, and has no secret', () => {
  const VICTIMS = 6;
  const EACH = 25;
  let victims: { id: string; keyIds: string[] }[];
  let honest: string;
  beforeAll(async () => {
    const issuers = [{ issuer: ISSUER, claims: { sub: ['*'] } }];
    victims = await Promise.all(
      Array.from({ length: VICTIMS }, async () => {
        const { id, keyId } = await makeTenant({ gateway: world.gateway, adminToken: world.adminToken }, ALLOW, {
          issuers,
        });
        const second = await world.admin<{ id: string }>('POST', `/tenants/${id}/keys`, {});
        return { id, keyIds: [keyId, second.body.id] };
      }),
    );
    honest = (await makeTenant({ gateway: world.gateway, adminToken: world.adminToken }, ALLOW)).apiKey;
    for (const { id } of victims) world.hold(id);
  });
  afterAll(() => {
    for (const { id } of victims ?? []) world.release(id);
  });

  it('has no object asked by forged signatures, however many', async () => {
    const { host } = new URL(world.gateway);
    const forgeries = victims.flatMap(({ keyIds }) =>
      keyIds.flatMap((keyId) =>
        Array.from({ length: EACH }, () => forgeCall(host, keyId, { path: invokePath('hello') })),
      ),
    );
    const reasons = await Promise.all(forgeries.map(({ path, ...rest }) => reasonOf(world.gateway, path, rest)));
    expect(new Set(reasons)).toEqual(new Set(['signature-mismatch']));
    expect(victims.map(({ id }) => world.asked(id))).toEqual(victims.map(() => 0));
  });

  it('has each object asked once by forged tokens, and while it does not answer, other tenants are served', async () => {
    const part = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url');
    const exp = Math.floor(Date.now() / 1_000) + 60;
    const startedAtMs = Date.now();
    const tokens = victims.flatMap(({ id }) =>
      Array.from({ length: EACH }, (_, n) =>
        [part({ alg: 'ES256' }), part({ iss: 'https://x.example', aud: `postern:${id}`, exp, n }), 'AAAA'].join('.'),
      ),
    );
    const answers = tokens.map((token) =>
      reasonOf(world.gateway, invokePath('hello'), { headers: { authorization: `Bearer ${token}` }, body: '{}' }),
    );
    await expect.poll(() => victims.every(({ id }) => world.asked(id) > 0)).toBe(true);
    expect(await call(honest)).toBe(200);
    for (const { id } of victims) world.release(id);
    expect(new Set(await Promise.all(answers))).toEqual(new Set(['token-not-accepted']));
    // Once, and once a second at the most to be told of the attempts.
    const most = 1 + Math.ceil((Date.now() - startedAtMs) / 1_000);
    for (const { id } of victims) expect(world.asked(id)).toBeLessThanOrEqual(most);
  });
});

describe("A3: a caller that leaves while its tenant's object does not answer", () => {
  const known = { concurrency: 2, rate: { perSecond: 50, burst: 50 } };
  /** What the call waits for, and what its line says: of a caller that is seen to have left, and of any other. */
  const WAITS = {
    lookup: { isKnown: false, type: 'RequestResponse', reset: 'caller-left', close: 'state-unavailable' },
    lease: { isKnown: true, type: 'RequestResponse', reset: 'caller-left', close: 'limits-unavailable' },
    charge: { isKnown: true, type: 'Nonsense', reset: 'invocation-type', close: 'invocation-type' },
  } as const;
  const names = Object.keys(WAITS) as (keyof typeof WAITS)[];

  it.concurrent.for(names.flatMap((wait) => (['reset', 'close'] as const).map((how) => [wait, how] as const)))(
    'waiting for the %s, by %s: the wait ends, and nothing is kept for it',
    async ([wait, how], { expect }) => {
      const { isKnown, type, [how]: reason } = WAITS[wait];
      const postern = { gateway: world.gateway, adminToken: world.adminToken };
      const { id, apiKey } = await makeTenant(postern, ALLOW, { limits: known });
      if (isKnown) {
        expect(await call(apiKey)).toBe(200);
        await new Promise((passed) => setTimeout(passed, 1_200)); // its lease is over
      }
      const linesBefore = world.callLines(id).length;
      const askedBefore = world.asked(id);
      world.hold(id);
      const caller = await openRaw(world.gateway);
      caller.writeHead('POST', invokePath('hello'), [
        ['x-api-key', apiKey],
        ['content-type', 'application/json'],
        ['x-amz-invocation-type', type],
        ['content-length', '2'],
      ]);
      caller.socket.write('{}');
      await expect.poll(() => world.asked(id)).toBeGreaterThan(askedBefore);
      caller[how]();
      // Nobody sees a FIN before the answer is written: then the wait has its own end.
      await expect
        .poll(() =>
          world
            .callLines(id)
            .slice(linesBefore)
            .map(({ refusal }) => refusal),
        )
        .toEqual([reason]);
      world.release(id);
      await expect.poll(() => call(apiKey)).toBe(200);
      await expect
        .poll(async () => {
          const { body } = await world.admin<{ limits: { limit: string; remaining: number }[] }>(
            'GET',
            `/tenants/${id}/usage`,
          );
          return body.limits.find(({ limit }) => limit === 'concurrency')?.remaining;
        })
        .toBe(known.concurrency);
    },
  );
});
