import { describe, expect, it } from 'vitest';
import { admin, invokePath, makeTenant, send, takeCalls } from '../support/postern.ts';
import { type KeyPair, signCall } from '../support/sign.ts';
import { usePostern } from '../support/use-postern.ts';

const postern = usePostern();

/** One call at once, and then one in a thousand seconds. */
const ONE_CALL = { perSecond: 0.001, burst: 1 };
const echo = invokePath('echo');

const answer = async (path: string, call: Parameters<typeof send>[2]) => {
  const { status, headers, body } = await send(postern.gateway, path, call);
  return { status, reason: headers['x-postern-refusal'], text: body.toString(), headers };
};

type Calls = { readonly [how: string]: (body: string, headers?: Record<string, string>) => ReturnType<typeof answer> };

/** A tenant's calls by key and by signature. */
async function makeCaller(limits: object, allow: readonly object[] = [{ function: '*' }]) {
  const { id, apiKey } = await makeTenant(postern, allow, { limits });
  const { body: pair } = await admin<KeyPair>(postern, 'POST', `/tenants/${id}/keys`, {});
  const calls = {
    key: (body, headers = {}) => answer(echo, { headers: { 'x-api-key': apiKey, ...headers }, body }),
    signature: (body, headers = {}) => {
      const signed = signCall(new URL(postern.gateway).host, pair, { path: echo, body, headers });
      return answer(signed.path, signed);
    },
  } satisfies Calls;
  return { id, ...calls };
}

const nearlyJson = (bytes: number) => `["${'x'.repeat(bytes - 3)}"`;
const MISTAKES: readonly (readonly [string, string, string, Record<string, string>])[] = [
  ['a payload that is not JSON', 'payload-not-json', '{"a":', {}],
  ['a long payload that is not JSON', 'payload-not-json', nearlyJson(6_000_000), {}],
  ['a content type', 'content-type', '{}', { 'content-type': 'text/plain' }],
  ['an argument', 'log-type', '{}', { 'x-amz-log-type': 'tail' }],
];

describe.each(['key', 'signature'] as const)('A8: a mistake of a caller by %s', (how) => {
  it.each(MISTAKES)('costs a unit of the rate: %s', async (_, reason, body, headers) => {
    const caller = await makeCaller({ rate: ONE_CALL });
    expect((await caller[how](body, headers)).reason).toBe(reason);
    for (let n = 0; n < 3; n++) expect((await caller[how](body, headers)).reason).toBe('limit-rate');
    expect((await caller[how]('{}')).reason).toBe('limit-rate');
    expect(await takeCalls(postern.lambda)).toEqual([]);
  });

  it.each(MISTAKES)('costs nothing of a quota, nor a slot: %s', async (_, reason, body, headers) => {
    const quotas = [{ period: 'day', requests: 1, payloadBytes: 7_000_000 }];
    const caller = await makeCaller({ rate: { perSecond: 1_000, burst: 1_000 }, concurrency: 1, quotas });
    for (let n = 0; n < 3; n++) expect((await caller[how](body, headers)).reason).toBe(reason);
    expect((await caller[how]('{}')).status).toBe(200);
    expect((await caller[how]('{}')).reason).toBe('limit-day-requests');
    expect(await takeCalls(postern.lambda)).toHaveLength(1);
  });

  it('costs nothing where there is no rate', async () => {
    const caller = await makeCaller({ quotas: [{ period: 'day', requests: 1 }] });
    for (let n = 0; n < 3; n++) expect((await caller[how]('{"a":')).reason).toBe('payload-not-json');
    expect((await caller[how]('{}')).status).toBe(200);
    await takeCalls(postern.lambda);
  });

  it('is not charged for what is not allowed', async () => {
    const caller = await makeCaller({ rate: ONE_CALL }, [{ function: 'echo', types: ['RequestResponse'] }]);
    const event = { 'x-amz-invocation-type': 'Event' };
    for (let n = 0; n < 3; n++) expect((await caller[how]('{}', event)).reason).toBe('type-not-allowed');
    expect((await caller[how]('{}')).status).toBe(200);
    await takeCalls(postern.lambda);
  });
});

describe('A8: the place of a fault', () => {
  it('is named in the first 256 KiB, and not looked for behind them', async () => {
    const { key } = await makeCaller({});
    expect((await key(`["${'x'.repeat(200_000)}",]`)).text).toContain('line 1, column 200005)');
    const { status, text } = await key(`["${'x'.repeat(300_000)}",]`);
    expect(status).toBe(400);
    expect(text).toContain('The payload is not valid JSON');
    expect(text).toContain('after the first 262144 bytes)');
  });
});
