import { describe, expect, it } from 'vitest';
import { admin, invokePath, send, takeCalls } from '../support/postern.ts';
import { type SignedCall, signCall } from '../support/sign.ts';
import { usePostern } from '../support/use-postern.ts';

const postern = usePostern();

const answer = async ({ path, ...call }: Parameters<typeof send>[2] & { path: string }) => {
  const { status, headers, body } = await send(postern.gateway, path, call);
  return { status, reason: headers['x-postern-refusal'], text: body.toString() };
};
const sign = (call: SignedCall) => signCall(new URL(postern.gateway).host, postern.demo, call);
const withKey = (path: string, headers: Record<string, string> = {}, body?: string) => ({
  path,
  headers: { 'x-api-key': postern.demo.apiKey, ...headers },
  ...(body !== undefined && { body }),
});
const echo = invokePath('echo');

describe('B12: an argument in the query', () => {
  const context = Buffer.from('{"custom":{"k":"v"}}').toString('base64');
  const types = async () => (await takeCalls(postern.lambda)).map(({ headers }) => headers['x-amz-invocation-type']);

  it.each(['X-Amz-Invocation-Type', 'x-amz-invocation-type', 'X-AMZ-INVOCATION-TYPE'])(
    'makes a presigned dry run dry: %s',
    async (name) => {
      const call = sign({ path: echo, query: [[name, 'DryRun']], body: '{}', expiresSeconds: 60 });
      expect((await answer(call)).status).toBe(204);
      expect(await types()).toEqual(['DryRun']);
    },
  );

  it('makes a dry run dry also for a caller with a key, and for one that signs in a header', async () => {
    expect((await answer(withKey(`${echo}?X-Amz-Invocation-Type=DryRun`))).status).toBe(204);
    expect((await answer(sign({ path: echo, query: [['X-Amz-Invocation-Type', 'DryRun']] }))).status).toBe(204);
    expect(await types()).toEqual(['DryRun', 'DryRun']);
  });

  it('is what Lambda gets, whichever it is', async () => {
    const query = [
      ['X-Amz-Log-Type', 'Tail'],
      ['X-Amz-Client-Context', context],
      ['X-Amz-Tenant-Id', 'blue team'],
    ] as const;
    expect((await answer(sign({ path: echo, query, body: '{}', expiresSeconds: 60 }))).status).toBe(200);
    const [call] = await takeCalls(postern.lambda);
    expect(call?.headers).toMatchObject({
      'x-amz-log-type': 'Tail',
      'x-amz-client-context': context,
      'x-amz-tenant-id': 'blue team',
    });
  });

  it('is a separate payload limit too', async () => {
    const path = `${echo}?X-Amz-Invocation-Type=Event`;
    expect((await answer(withKey(path, {}, `"${'x'.repeat(1_048_576)}"`))).reason).toBe('payload-too-large');
  });

  it.each([
    ['argument-repeated', 'X-Amz-Log-Type=Tail', { 'x-amz-log-type': 'Tail' }, 'X-Amz-Log-Type'],
    ['parameter-repeated', 'X-Amz-Log-Type=Tail&x-amz-log-type=None', {}, 'x-amz-log-type'],
    ['parameter-unknown', 'X-Amz-Invocation-Typ=DryRun', {}, 'X-Amz-Invocation-Typ'],
    ['parameter-unknown', 'X-Amz-Expires=60', {}, 'X-Amz-Expires'],
    ['invocation-type', 'X-Amz-Invocation-Type=dryrun', {}, 'invocationType'],
  ] as [string, string, Record<string, string>, string][])('is never ignored: %s for %s', async (...row) => {
    const [reason, query, headers, named] = row;
    const refused = await answer(withKey(`${echo}?${query}`, headers));
    expect([refused.status, refused.reason]).toEqual([400, reason]);
    expect(refused.text).toContain(named);
    const parameters = query.split('&').map((pair) => pair.split('=') as [string, string]);
    const signed = await answer(sign({ path: echo, query: parameters, headers, expiresSeconds: 60 }));
    // What a presigned request says of itself is no argument: here it says twice how long it lives.
    expect(signed.reason).toBe(named === 'X-Amz-Expires' ? 'parameter-repeated' : reason);
    expect(await takeCalls(postern.lambda)).toEqual([]);
  });
});

describe('D1: the type of a payload is judged where there are bytes', () => {
  const form = { 'content-type': 'application/x-www-form-urlencoded' };

  it.each([
    ['Invoke', echo, {}, 200],
    ['a dry run', echo, { 'x-amz-invocation-type': 'DryRun' }, 204],
    ['an event', echo, { 'x-amz-invocation-type': 'Event' }, 202],
    ['a stream', '/2021-11-15/functions/stream/response-streaming-invocations', {}, 200],
    ['InvokeAsync', '/2014-11-13/functions/echo/invoke-async/', {}, 202],
  ] as [string, string, Record<string, string>, number][])('%s without a payload is served', async (...row) => {
    const [, path, headers, status] = row;
    expect((await answer(withKey(path, { ...headers, ...form }, ''))).status).toBe(status);
    expect((await answer({ ...withKey(path, { ...headers, ...form }), body: [] })).status).toBe(status);
    expect((await answer(sign({ path, headers: { ...headers, ...form } }))).status).toBe(status);
    expect((await answer(withKey(path, { ...headers, 'content-type': 'text/a, text/b' }))).status).toBe(status);
    await takeCalls(postern.lambda);
  });

  it('one with a payload is still 415', async () => {
    expect((await answer(withKey(echo, form, 'a=b'))).status).toBe(415);
    expect((await answer({ ...withKey(echo, form), body: [Buffer.from('{}')] })).status).toBe(415);
    expect(await takeCalls(postern.lambda)).toEqual([]);
  });
});

describe('D3: a presigned request that does not say how long it lives', () => {
  const at = (secondsAgo: number) =>
    answer(sign({ path: echo, body: '{}', expiresSeconds: null, atMs: Date.now() - secondsAgo * 1_000 }));

  it('lives 5 minutes, and no longer', async () => {
    expect((await at(0)).status).toBe(200);
    expect((await at(285)).status).toBe(200);
    expect((await at(310)).text).toContain('Signature expired: ');
  });

  it('lives no longer than the policy lets it', async () => {
    const policy = (maxPresignedSeconds: number | null) =>
      admin(postern, 'PATCH', `/tenants/${postern.demo.tenantId}`, { policy: { maxPresignedSeconds } });
    await policy(60);
    expect((await at(0)).status).toBe(200);
    expect((await at(70)).reason).toBe('presigned-too-long');
    await policy(null);
    expect((await at(70)).status).toBe(200);
  });
});

describe('D6: a header in several lines', () => {
  it.each([
    ['beside a list', { 'x-a': ['1', '2'], 'x-b': '1, 2' }],
    ['of which one is a list', { 'x-a': ['1, 2', '3'] }],
    ['twice, beside a list', { 'x-a': ['1', '2', '3', '4'], 'x-b': '1, 2, 3', 'x-c': ['a', 'b'] }],
    ['as a list without spaces', { 'x-a': ['1,2', '3'], 'x-b': 'a, b' }],
  ] as [string, Record<string, string | string[]>][])('is proved %s', async (_, headers) => {
    expect((await answer(sign({ path: echo, headers, body: '{}' }))).status).toBe(200);
    const call = sign({ path: echo, headers, body: '{}' });
    const changed = { ...call, headers: { ...call.headers, 'x-a': '1, 9' } };
    expect((await answer(changed)).reason).toBe('signature-mismatch');
  });
});

describe('D15: what is wrong is said', () => {
  it.each(['UNSIGNED-PAYLOAD', 'STREAMING-AWS4-HMAC-SHA256-PAYLOAD', 'STREAMING-UNSIGNED-PAYLOAD-TRAILER'])(
    'of a payload hash %s',
    async (marker) => {
      const headers = { 'x-amz-content-sha256': marker };
      const inHeader = await answer(sign({ path: echo, headers, body: '{}' }));
      const query = [['X-Amz-Content-Sha256', marker]] as const;
      const inQuery = await answer(sign({ path: echo, query, body: '{}', expiresSeconds: 60 }));
      for (const { status, reason, text } of [inHeader, inQuery]) {
        expect([status, reason]).toEqual([403, 'payload-not-signed']);
        expect(text).toContain(`x-amz-content-sha256: ${marker}`);
      }
    },
  );

  it('of a path prefix, before any of the operations', async () => {
    for (const path of [echo, '/2014-11-13/functions/f/invoke-async/']) {
      const { status, reason, text } = await answer(withKey(`/base/path${path}`));
      expect([status, reason]).toEqual([404, 'unknown-path']);
      expect(text).toContain("the path begins with the prefix '/base/path', which is not supported");
    }
    expect((await answer(withKey('/nothing'))).text).not.toContain('prefix');
  });
});
