import { createHash } from 'node:crypto';
import { Agent, request as httpRequest } from 'node:http';
import { describe, expect, it } from 'vitest';
import { withoutEdge } from '../support/edge-proxy.ts';
import { type Answer, type Call, invokePath, send, takeCalls } from '../support/postern.ts';
import { usePostern } from '../support/use-postern.ts';

const ACCOUNT = '123456789012';
const ARN = `arn:aws:lambda:us-east-1:${ACCOUNT}:function`;

const postern = usePostern();

const json = { 'content-type': 'application/json' };
const call = (path: string, { headers = {}, ...rest }: Call = {}): Promise<Answer> =>
  send(postern.gateway, path, {
    body: '{}',
    headers: { 'x-api-key': postern.demo.apiKey, ...json, ...headers },
    ...rest,
  });
const bodyOf = (answer: Answer) => JSON.parse(answer.body.toString());
const base64 = (text: string) => Buffer.from(text).toString('base64');

describe('a call', () => {
  it.each([
    ['echo', '$LATEST', ''],
    ['echo:live', '2', ':live'],
    ['echo:1', '1', ':1'],
    ['echo:$LATEST', '$LATEST', ':$LATEST'],
    [`${ACCOUNT}:function:echo`, '$LATEST', ''],
    [`us-east-1:${ACCOUNT}:function:echo:live`, '2', ':live'],
    [`${ARN}:echo`, '$LATEST', ''],
    [`${ARN}:echo:2`, '2', ':2'],
    [encodeURIComponent(`${ARN}:echo:live`), '2', ':live'],
    ['echo%3Alive', '2', ':live'],
  ])('reaches the function by the name %s', async (name, version, suffix) => {
    const answer = await call(invokePath(name), { body: '{"a":1}' });
    expect(answer.status).toBe(200);
    expect(answer.headers['x-amz-executed-version']).toBe(version);
    expect(bodyOf(answer)).toMatchObject({
      event: { a: 1 },
      context: { functionName: 'echo', functionVersion: version, invokedFunctionArn: `${ARN}:echo${suffix}` },
    });
  });

  it('takes the qualifier from the query, empty or equal too', async () => {
    for (const [name, query, version] of [
      ['echo', 'Qualifier=live', '2'],
      ['echo', 'Qualifier=', '$LATEST'],
      ['echo:live', 'Qualifier=live', '2'],
      ['echo', 'Qualifier=%24LATEST', '$LATEST'],
    ] as const) {
      const answer = await call(invokePath(name, query));
      expect([answer.status, answer.headers['x-amz-executed-version']]).toEqual([200, version]);
    }
  });

  it('answers with the headers of the service, and with no others', async () => {
    const answer = await call(invokePath('hello'));
    expect(answer.status).toBe(200);
    const { 'x-amzn-requestid': id, 'x-amzn-trace-id': trace, date, ...rest } = answer.headers;
    expect(id).toMatch(/^[0-9a-f]{8}-[0-9a-f-]{27}$/);
    expect(trace).toMatch(/^Root=1-/);
    expect(Number.isNaN(Date.parse(date ?? ''))).toBe(false);
    expect(withoutEdge(rest)).toEqual({
      'content-length': String(answer.body.length),
      'content-type': 'application/json',
      'x-amz-executed-version': '$LATEST',
      'x-amzn-remapped-content-length': '0',
      // B13: ours, on every answer.
      'cache-control': 'no-store',
      'x-content-type-options': 'nosniff',
      connection: 'close',
    });
  });

  it('of type Event is answered 202 with nothing, DryRun 204', async () => {
    const event = await call(invokePath('hello'), { headers: { 'x-amz-invocation-type': 'Event' } });
    expect([event.status, event.body.length, event.headers['x-amz-executed-version']]).toEqual([202, 0, undefined]);
    expect(event.headers['x-amzn-requestid']).toBeDefined();
    const dry = await call(invokePath('hello'), { headers: { 'x-amz-invocation-type': 'DryRun' } });
    expect([dry.status, dry.body.length]).toEqual([204, 0]);
    expect(dry.headers.date).toBeDefined();
  });

  it('with LogType Tail brings the last 4 KB of the log', async () => {
    const answer = await call(invokePath('log'), { headers: { 'x-amz-log-type': 'Tail' } });
    const log = Buffer.from(String(answer.headers['x-amz-log-result']), 'base64');
    expect(log.length).toBe(4096);
    expect(log.toString()).toMatch(/REPORT RequestId: [0-9a-f-]+\tDuration: /);
  });

  it('of a function that throws is 200 with X-Amz-Function-Error', async () => {
    const answer = await call(invokePath('fail'));
    expect([answer.status, answer.headers['x-amz-function-error']]).toEqual([200, 'Unhandled']);
    expect(bodyOf(answer)).toMatchObject({ errorType: 'Error' });
  });

  it('hands client context and tenant id to the function', async () => {
    const answer = await call(invokePath('echo'), {
      headers: { 'x-amz-client-context': base64('{"custom":{"k":"v"}}'), 'x-amz-tenant-id': 'blue team' },
    });
    expect(bodyOf(answer).context).toMatchObject({ clientContext: { custom: { k: 'v' } }, tenantId: 'blue team' });
  });

  it("passes Lambda's own errors untouched", async () => {
    const missing = await call(invokePath('nothing-here'));
    expect([missing.status, missing.headers['x-amzn-errortype'], missing.headers['x-postern-refusal']]).toEqual([
      404,
      'ResourceNotFoundException',
      undefined,
    ]);
    expect(missing.body.toString()).toBe(`{"Message":"Function not found: ${ARN}:nothing-here:$LATEST","Type":"User"}`);
    const throttled = await call(invokePath('throttled'));
    expect([throttled.status, throttled.headers['x-amzn-errortype']]).toEqual([429, 'TooManyRequestsException']);
    expect(bodyOf(throttled)).toMatchObject({ Reason: 'ReservedFunctionConcurrentInvocationLimitExceeded' });
  });

  it('with a bearer key and no payload is a call like any other', async () => {
    const answer = await send(postern.gateway, invokePath('echo'), {
      headers: { authorization: `Bearer ${postern.demo.apiKey}`, 'content-length': '0' },
    });
    expect(answer.status).toBe(200);
  });

  it('carries its payload byte for byte, both ways', async () => {
    const body = Buffer.from(JSON.stringify({ text: 'é😀\\u0000'.repeat(20), n: 1.5e300, s: '' }));
    const answer = await call(invokePath('identity'), { body });
    expect(answer.body.equals(body)).toBe(true);
    const large = Buffer.from(JSON.stringify('x'.repeat(5_999_998)));
    expect(large.length).toBe(6_000_000);
    expect((await call(invokePath('identity'), { body: large })).body.equals(large)).toBe(true);
  });

  it('carries white space and key order as they came', async () => {
    const body = Buffer.from('\n { "b" : 1,\t"a" : 2 } \r\n');
    await call(invokePath('hello'), { body });
    const [seen] = await takeCalls(postern.lambda);
    expect(seen?.bodySha256).toBe(createHash('sha256').update(body).digest('hex'));
  });

  it('sends Lambda nothing of the caller but what the call means', async () => {
    await call(invokePath('echo', 'Qualifier=live&X-Foo=1'), {
      headers: {
        cookie: 'session=1',
        'x-amz-security-token': 'token-of-the-caller',
        'true-client-ip': '1.2.3.4',
        'x-custom': 'mine',
        'user-agent': 'caller/1',
        'x-amz-log-type': 'None',
      },
    });
    const [seen] = await takeCalls(postern.lambda);
    // `cf-worker` is the platform's own, with `postern dev` as on Cloudflare; nothing signs it.
    const { 'cf-worker': _, ...sent } = seen?.headers ?? {};
    expect(Object.keys(sent).sort()).toEqual([
      'authorization',
      'content-length',
      'content-type',
      'host',
      'x-amz-content-sha256',
      'x-amz-date',
      'x-amz-invocation-type',
    ]);
    const everything = JSON.stringify(seen);
    for (const secret of [postern.demo.apiKey, 'token-of-the-caller', 'session=1']) {
      expect(everything).not.toContain(secret);
    }
    expect(seen?.headers.authorization).toMatch(/^AWS4-HMAC-SHA256 Credential=AKIA/);
    expect(seen?.path).toBe(`/2015-03-31/functions/${encodeURIComponent(`${ARN}:echo:live`)}/invocations`);
  });
});

describe('a client', () => {
  it('that asks before it sends (Expect: 100-continue) gets a 100, or its answer at once', async () => {
    const ask = (apiKey: string) => {
      const { hostname, port } = new URL(postern.gateway);
      const body = JSON.stringify('x'.repeat(2_000_000));
      const headers = { ...json, 'x-api-key': apiKey, expect: '100-continue', 'content-length': String(body.length) };
      const { promise, resolve, reject } = Promise.withResolvers<[boolean, number]>();
      let asked = false;
      const request = httpRequest({ hostname, port, path: invokePath('hello'), method: 'POST', headers, agent: false });
      request.on('continue', () => {
        asked = true;
        request.end(body);
      });
      request.on('response', (response) => {
        response.resume();
        resolve([asked, response.statusCode ?? 0]);
        if (!asked) request.destroy();
      });
      request.on('error', (error) => reject(error));
      request.flushHeaders();
      return promise;
    };
    expect(await ask(postern.demo.apiKey)).toEqual([true, 200]);
    expect(await ask('wrong')).toEqual([false, 403]);
  });

  it('that keeps its connection is served on it again and again, also after a refusal', async () => {
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    const sockets = new Set<unknown>();
    const { hostname, port } = new URL(postern.gateway);
    for (const [key, expected] of [
      [postern.demo.apiKey, 200],
      ['wrong', 403],
      [postern.demo.apiKey, 200],
    ] as const) {
      const status = await new Promise<number | undefined>((done, failed) => {
        const headers = { ...json, 'x-api-key': key };
        const request = httpRequest({ agent, hostname, port, path: invokePath('hello'), method: 'POST', headers });
        request.on('socket', (socket) => sockets.add(socket));
        request.on('response', (response) => response.resume().on('end', () => done(response.statusCode)));
        request.on('error', failed);
        request.end('{"name":"again"}');
      });
      expect(status).toBe(expected);
    }
    expect(sockets.size).toBe(1);
    agent.destroy();
  });
});

describe('a refused call', () => {
  const tooLong = 'A'.repeat(3_584);
  it.each([
    ['unknown-path', 404, 'AccessDeniedException', '/2015-03-31/functions/f/invokations', {}],
    ['unknown-path', 404, 'AccessDeniedException', '/', {}],
    ['unknown-path', 404, 'AccessDeniedException', '/2015-03-31/functions/a/b/invocations', {}],
    ['method-not-allowed', 405, 'AccessDeniedException', invokePath('echo'), { method: 'PUT' }],
    ['method-not-allowed', 405, 'AccessDeniedException', invokePath('echo'), { method: 'GET', body: undefined }],
    ['function-name', 400, 'InvalidParameterValueException', invokePath('echo!'), {}],
    ['function-name', 400, 'InvalidParameterValueException', invokePath('a'.repeat(65)), {}],
    ['function-name', 400, 'InvalidParameterValueException', invokePath(`${ARN}:${'a'.repeat(140)}`), {}],
    ['function-name', 400, 'InvalidParameterValueException', invokePath('...'), {}],
    ['qualifier', 400, 'InvalidParameterValueException', invokePath('echo', 'Qualifier=no!'), {}],
    ['qualifier', 400, 'InvalidParameterValueException', invokePath('echo', `Qualifier=${'a'.repeat(129)}`), {}],
    ['qualifier-mismatch', 400, 'InvalidParameterValueException', invokePath('echo:live', 'Qualifier=1'), {}],
    ['parameter-repeated', 400, 'InvalidParameterValueException', invokePath('echo', 'Qualifier=1&Qualifier=1'), {}],
    ['query-malformed', 400, 'InvalidParameterValueException', invokePath('echo', 'Qualifier=%ZZ'), {}],
    [
      'invocation-type',
      400,
      'InvalidParameterValueException',
      invokePath('echo'),
      { headers: { 'x-amz-invocation-type': 'event' } },
    ],
    [
      'header-repeated',
      400,
      'InvalidParameterValueException',
      invokePath('echo'),
      { headers: { 'x-amz-invocation-type': ['Event', 'Event'] } },
    ],
    ['log-type', 400, 'InvalidParameterValueException', invokePath('echo'), { headers: { 'x-amz-log-type': 'tail' } }],
    [
      'client-context-too-long',
      400,
      'InvalidParameterValueException',
      invokePath('echo'),
      { headers: { 'x-amz-client-context': tooLong } },
    ],
    [
      'client-context',
      400,
      'InvalidRequestContentException',
      invokePath('echo'),
      { headers: { 'x-amz-client-context': tooLong.slice(1) } },
    ],
    ['tenant-id', 400, 'InvalidParameterValueException', invokePath('echo'), { headers: { 'x-amz-tenant-id': 'a;b' } }],
    [
      'durable-execution-name',
      400,
      'InvalidParameterValueException',
      invokePath('echo'),
      { headers: { 'x-amz-durable-execution-name': 'a b' } },
    ],
    [
      'content-type',
      415,
      'UnsupportedMediaTypeException',
      invokePath('echo'),
      { headers: { 'content-type': 'text/plain' } },
    ],
    ['payload-not-json', 400, 'InvalidRequestContentException', invokePath('echo'), { body: '{"a":}' }],
    ['payload-not-json', 400, 'InvalidRequestContentException', invokePath('echo'), { body: '\ufeff{}' }],
  ] as [string, number, string, string, Call][])('%s is %i %s: %s', async (reason, status, type, path, how) => {
    const answer = await call(path, how);
    expect([answer.status, answer.headers['x-amzn-errortype'], answer.headers['x-postern-refusal']]).toEqual([
      status,
      type,
      reason,
    ]);
    expect(answer.headers['content-type']).toBe('application/json');
    expect(answer.headers['x-amzn-requestid']).toBeDefined();
    expect(answer.headers.date).toBeDefined();
    const body = bodyOf(answer);
    expect((body.message ?? body.Message).length).toBeGreaterThan(10);
    expect(await takeCalls(postern.lambda)).toEqual([]);
  });

  it('says line and column of what is not JSON', async () => {
    const answer = await call(invokePath('echo'), { body: '{\n  "a": 01\n}' });
    expect(bodyOf(answer)).toEqual({
      Type: 'User',
      message:
        'Could not parse request body into json: Invalid numeric value: Leading zeroes not allowed (line 2, column 9)',
    });
  });
});
