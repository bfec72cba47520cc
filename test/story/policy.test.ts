import { describe, expect, it } from 'vitest';
import { admin, invokePath, makeTenant, send, takeCalls } from '../support/postern.ts';
import { usePostern } from '../support/use-postern.ts';

const postern = usePostern();
const ACCOUNT = '123456789012';

const tenantWith = (policy: { allow: readonly object[] } & Record<string, unknown>, more: object = {}) =>
  makeTenant(postern, policy.allow, { ...more, policy });
const call = (apiKey: string, name: string, headers: Record<string, string> = {}, body = '{}') =>
  send(postern.gateway, invokePath(name), {
    headers: { 'x-api-key': apiKey, 'content-type': 'application/json', ...headers },
    body,
  });
const refusalOf = async (...input: Parameters<typeof call>) => {
  const { status, headers } = await call(...input);
  return [status, headers['x-postern-refusal']];
};

describe('a published name', () => {
  const publish = {
    greeting: 'hello:live',
    missing: `arn:aws:lambda:us-east-1:${ACCOUNT}:function:not-there`,
    broken: 'fail',
    talk: 'log',
  };

  it('reaches its target, with its qualifier, and tells nothing of where that is', async () => {
    const { apiKey } = await tenantWith({ allow: [{ function: '*', logTail: true }], publish });
    const answer = await call(apiKey, 'greeting');
    expect([answer.status, answer.headers['x-amz-executed-version']]).toEqual([200, '2']);
    expect((await takeCalls(postern.lambda)).map(({ path }) => decodeURIComponent(path))).toEqual([
      `/2015-03-31/functions/arn:aws:lambda:us-east-1:${ACCOUNT}:function:hello:live/invocations`,
    ]);
    for (const [name, headers] of [
      ['missing', {}],
      ['missing:3', {}],
      ['broken', {}],
      ['talk', { 'x-amz-log-type': 'Tail' }],
      ['greeting:other', {}],
    ] as const) {
      const { headers: got, body } = await call(apiKey, name, headers);
      expect(JSON.stringify(got) + body.toString() + atob(String(got['x-amz-log-result'] ?? ''))).not.toContain(
        ACCOUNT,
      );
    }
    const missing = await call(apiKey, 'missing');
    expect([missing.status, missing.headers['x-amzn-errortype']]).toEqual([404, 'ResourceNotFoundException']);
    expect(missing.body.toString()).toContain('missing');
    expect(missing.body.toString()).not.toContain('not-there');
  });

  it('needs a rule that allows its target, and a caller may not choose another qualifier', async () => {
    const { apiKey } = await tenantWith({
      allow: [{ function: 'hello', qualifiers: ['live'] }],
      publish: { greeting: 'hello:live', raw: 'hello' },
    });
    expect(await refusalOf(apiKey, 'greeting')).toEqual([200, undefined]);
    expect(await refusalOf(apiKey, 'greeting:1')).toEqual([400, 'qualifier-mismatch']);
    expect(await refusalOf(apiKey, 'raw')).toEqual([403, 'qualifier-not-allowed']);
    expect(await refusalOf(apiKey, 'raw:live')).toEqual([200, undefined]);
  });
});

describe('a rule', () => {
  it('of deny wins over allow, and explains itself', async () => {
    const { id, apiKey } = await tenantWith({
      allow: [{ function: '*' }],
      deny: [{ function: 'e*', types: ['Event'] }],
    });
    expect(await refusalOf(apiKey, 'echo')).toEqual([200, undefined]);
    expect(await refusalOf(apiKey, 'echo', { 'x-amz-invocation-type': 'Event' })).toEqual([403, 'function-denied']);
    const explained = await admin(postern, 'POST', `/tenants/${id}/explain`, { function: 'echo', type: 'Event' });
    expect(explained.body).toMatchObject({
      allowed: false,
      reason: 'function-denied',
      rule: { list: 'deny', index: 0 },
    });
  });

  it('says how large a payload may be, and whether it may bring a client context', async () => {
    const { apiKey } = await tenantWith({
      allow: [
        { function: 'hello', maxPayloadBytes: 10, clientContext: false },
        { function: 'echo', maxPayloadBytes: 20 },
        { function: 'e*', maxPayloadBytes: 30, qualifiers: ['$LATEST'] },
      ],
    });
    const bytes = (count: number) => JSON.stringify('x'.repeat(count - 2));
    expect(await refusalOf(apiKey, 'hello', {}, bytes(10))).toEqual([200, undefined]);
    expect(await refusalOf(apiKey, 'hello', {}, bytes(11))).toEqual([413, 'payload-too-large']);
    expect(await refusalOf(apiKey, 'echo', {}, bytes(30))).toEqual([200, undefined]);
    expect(await refusalOf(apiKey, 'echo:live', {}, bytes(21))).toEqual([413, 'payload-too-large']);
    const context = { 'x-amz-client-context': btoa('{}') };
    expect(await refusalOf(apiKey, 'hello', context)).toEqual([403, 'client-context-not-allowed']);
    expect(await refusalOf(apiKey, 'echo', context)).toEqual([200, undefined]);
  });
});

describe('ipAllow', () => {
  it('lets calls come only from its ranges, by what the edge says', async () => {
    const { apiKey } = await tenantWith({ allow: [{ function: '*' }], ipAllow: ['203.0.113.0/24', '2001:db8::/32'] });
    const from = (address: string) => refusalOf(apiKey, 'hello', { 'cf-connecting-ip': address });
    expect(await from('203.0.113.200')).toEqual([200, undefined]);
    expect(await from('2001:db8::7')).toEqual([200, undefined]);
    expect(await from('198.51.100.1')).toEqual([403, 'address-not-allowed']);
    expect(await from('not an address')).toEqual([403, 'address-not-allowed']);
  });
});

describe('a web page', () => {
  const origin = 'https://app.example';

  it('may call and read the answer only where its tenant says so', async () => {
    const open = await tenantWith({ allow: [{ function: 'hello' }], corsOrigins: [origin] });
    const preflight = await send(postern.gateway, invokePath('hello'), {
      method: 'OPTIONS',
      headers: {
        origin,
        'access-control-request-method': 'POST',
        'access-control-request-headers': 'content-type,x-api-key',
      },
    });
    expect([preflight.status, preflight.headers['access-control-allow-origin']]).toEqual([204, origin]);
    const answer = await call(open.apiKey, 'hello', { origin });
    expect([answer.status, answer.headers['access-control-allow-origin']]).toEqual([200, origin]);
    expect(answer.headers['access-control-expose-headers']).toContain('x-amz-function-error');
    const refused = await call(open.apiKey, 'echo', { origin });
    expect([refused.status, refused.headers['access-control-allow-origin']]).toEqual([403, origin]);
    const other = await call(open.apiKey, 'hello', { origin: 'https://evil.example' });
    expect([other.headers['x-postern-refusal'], other.headers['access-control-allow-origin']]).toEqual([
      'origin-not-allowed',
      undefined,
    ]);
    const closed = await tenantWith({ allow: [{ function: 'hello' }] });
    expect(await refusalOf(closed.apiKey, 'hello', { origin })).toEqual([403, 'origin-not-allowed']);
  });
});
