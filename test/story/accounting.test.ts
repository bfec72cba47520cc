import { describe, expect, it } from 'vitest';
import { admin, invokePath, makeTenant, send } from '../support/postern.ts';
import { usePostern } from '../support/use-postern.ts';

const postern = usePostern();

interface Totals {
  readonly calls: number;
  readonly forwarded: number;
  readonly unproved: number;
  readonly refused: Readonly<Record<string, number>>;
  readonly functionErrors: number;
  readonly ledgerCalls: number;
}
interface Usage {
  readonly totals: Totals;
  readonly functions: Readonly<Record<string, Totals>>;
}

/** A tenant's use, once it is as it should become, or after a while as it is. */
async function usageOf(id: string, isDone: (usage: Usage) => boolean): Promise<Usage> {
  for (let attempt = 0; ; attempt++) {
    const { body } = await admin<Usage>(postern, 'GET', `/tenants/${id}/usage`);
    if (isDone(body) || attempt === 100) return body;
    await new Promise((woken) => setTimeout(woken, 100));
  }
}

/** Headers of a request that is signed by nobody who knows the secret of a key. */
function forged(keyId: string): Record<string, string> {
  const date = new Date().toISOString().replace(/[-:]|\.\d+/g, '');
  const scope = `${date.slice(0, 8)}/us-east-1/lambda/aws4_request`;
  return {
    'x-amz-date': date,
    'content-type': 'application/json',
    authorization: `AWS4-HMAC-SHA256 Credential=${keyId}/${scope}, SignedHeaders=host;x-amz-date, Signature=${'0'.repeat(64)}`,
  };
}

describe('B11: attempts that do not prove themselves', () => {
  it('are counted apart from the calls of the tenant that they name', async () => {
    const { id, keyId, apiKey } = await makeTenant(postern, [{ function: 'hello' }]);
    const attempts = 20;
    for (let time = 0; time < attempts; time++) {
      const { status } = await send(postern.gateway, invokePath('hello'), { headers: forged(keyId), body: '{}' });
      expect(status).toBe(403);
    }
    // However many they are, they are no reason to ask the object: its tenant's next call brings the count.
    const before = await usageOf(id, () => true);
    expect(before.totals).toMatchObject({ calls: 0, forwarded: 0, refused: {}, ledgerCalls: 0 });
    expect(before.functions).toEqual({});

    const called = await send(postern.gateway, invokePath('hello'), { headers: { 'x-api-key': apiKey }, body: '{}' });
    expect(called.status).toBe(200);
    const after = await usageOf(id, ({ totals }) => totals.calls === 1 && totals.unproved === attempts);
    expect(after.totals).toMatchObject({ calls: 1, forwarded: 1, refused: {}, unproved: attempts });
    expect(after.totals.ledgerCalls).toBeLessThan(attempts);
  });

  it('are so too when they are refused for their size, or by a token of nobody', async () => {
    const { id, keyId, apiKey } = await makeTenant(postern, [{ function: 'hello' }]);
    const part = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url');
    const token = [
      part({ alg: 'ES256', kid: 'a' }),
      part({ iss: 'https://issuer.example', aud: `postern:${id}`, exp: Math.floor(Date.now() / 1_000) + 300 }),
      Buffer.alloc(64).toString('base64url'),
    ].join('.');
    const tooLong = { ...forged(keyId), 'content-length': '6291457' };
    const answers = [
      await send(postern.gateway, invokePath('hello'), { headers: { authorization: `Bearer ${token}` }, body: '{}' }),
      await send(postern.gateway, invokePath('hello'), { headers: { ...tooLong, expect: '100-continue' } }),
    ];
    for (const { status } of answers) expect(status).toBeGreaterThanOrEqual(400);
    await send(postern.gateway, invokePath('hello'), { headers: { 'x-api-key': apiKey }, body: '{}' });
    const { totals } = await usageOf(id, (usage) => usage.totals.calls === 1 && usage.totals.unproved === 2);
    expect(totals).toMatchObject({ calls: 1, refused: {}, unproved: 2 });
  });
});

describe('C6: use by function', () => {
  it('shows refusals of a function that a rule is about, of no other', async () => {
    const { id, apiKey } = await makeTenant(postern, [], {
      policy: {
        allow: [{ function: 'hello', types: ['RequestResponse'] }, { function: 'echo' }],
        deny: [{ function: 'fail' }],
      },
    });
    const call = (name: string, headers: Record<string, string> = {}, body = '{}') =>
      send(postern.gateway, invokePath(name), {
        headers: { 'x-api-key': apiKey, 'content-type': 'application/json', ...headers },
        body,
      });
    await call('hello', { 'x-amz-invocation-type': 'Event' });
    await call('hello');
    await call('echo', {}, '{');
    await call('fail');
    await call('invented-1');
    await call('invented-2');
    const { totals, functions } = await usageOf(id, (usage) => usage.totals.calls === 6);
    expect(totals.refused).toEqual({
      'type-not-allowed': 1,
      'payload-not-json': 1,
      'function-denied': 1,
      'function-not-allowed': 2,
    });
    expect(Object.keys(functions).sort()).toEqual(['echo', 'fail', 'hello']);
    expect(functions.hello).toMatchObject({ calls: 2, forwarded: 1, refused: { 'type-not-allowed': 1 } });
    expect(functions.echo).toMatchObject({ calls: 1, forwarded: 0, refused: { 'payload-not-json': 1 } });
    expect(functions.fail).toMatchObject({ calls: 1, forwarded: 0, refused: { 'function-denied': 1 } });
  });

  it.each([
    ['as it comes', {}],
    ['as server-sent events', { accept: 'text/event-stream' }],
    ['as lines', { accept: 'application/x-ndjson' }],
    ['as bytes', { accept: 'application/octet-stream' }],
  ])('counts the error of a function that streams, %s, and logs it', async (_, headers) => {
    const { id, apiKey } = await makeTenant(postern, [{ function: 'fail' }, { function: 'hello' }]);
    for (const name of ['fail', 'hello']) {
      const path = `/2021-11-15/functions/${name}/response-streaming-invocations`;
      // As bytes only a broken connection can say that the function failed.
      await send(postern.gateway, path, { headers: { 'x-api-key': apiKey, ...headers }, body: '{}' }).catch(() => {});
    }
    const { totals, functions } = await usageOf(
      id,
      (usage) => usage.totals.calls === 2 && usage.functions.fail?.functionErrors === 1,
    );
    expect([totals.calls, totals.functionErrors, functions.fail?.functionErrors]).toEqual([2, 1, 1]);
    expect(functions.hello?.functionErrors).toBe(0);
    // The line for people names what the function failed with.
    expect(postern.log()).toMatch(/fail .* ms {2}[A-Z]\w+ {2}t1_/);
  });

  it('gives the slot of a streamed function back when it failed, as bytes too', async () => {
    const { apiKey } = await makeTenant(postern, [{ function: 'fail' }], { limits: { concurrency: 1 } });
    const path = '/2021-11-15/functions/fail/response-streaming-invocations';
    const call = () =>
      send(postern.gateway, path, {
        headers: { 'x-api-key': apiKey, accept: 'application/octet-stream' },
        body: '{}',
      }).then(
        ({ status }) => status,
        () => 'broken off',
      );
    for (let time = 0; time < 3; time++) {
      let outcome = await call();
      // The slot comes back behind the answer.
      for (let attempt = 0; outcome === 429 && attempt < 30; attempt++) {
        await new Promise((woken) => setTimeout(woken, 100));
        outcome = await call();
      }
      expect(outcome).not.toBe(429);
    }
  });
});
