import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { makeFolder } from '../emulator/folder.ts';
import { admin, invokePath, makeTenant, send, startPostern, takeCalls } from '../support/postern.ts';
import type { RunningPostern } from '../support/running-postern.ts';
import { type SignedCall, signCall } from '../support/sign.ts';

const ACCOUNT = '123456789012';
const ELSEWHERE = '999999999999';
const ARN = `arn:aws:lambda:us-east-1:${ACCOUNT}:function:`;
const folder = makeFolder();
// It streams its own ARN, logs it, and then fails with it.
folder.write(
  'strm.mjs',
  `export const handler = awslambda.streamifyResponse(async (event, out, context) => {
     console.log('my arn is', context.invokedFunctionArn);
     out.write('payload of ' + context.invokedFunctionArn);
     if (event.fail) throw new TypeError('secret-message at ' + context.invokedFunctionArn);
     out.end();
   });`,
);
folder.write(
  'plain.mjs',
  `export const handler = async (event, context) => {
     console.log('my arn is', context.invokedFunctionArn);
     if (event.fail) throw new TypeError('secret-message');
     return context.invokedFunctionArn;
   };`,
);

// An event that ends in the middle of a line end, and the rest of it once that has gone out.
folder.write(
  'lines.mjs',
  `export const handler = awslambda.streamifyResponse(async (_, out) => {
     for (const piece of ['x\\r', '\\ny', '\\r']) {
       out.write(piece);
       await new Promise((sent) => setTimeout(sent, 50));
     }
     out.end('z');
   });`,
);

let postern: RunningPostern;
beforeAll(async () => {
  postern = await startPostern({ args: ['--functions', folder.path] });
});
afterAll(async () => {
  await postern.stop();
  folder.remove('.');
});

type Key = Awaited<ReturnType<typeof tenantWith>>;
const tenantWith = async (policy: { allow: readonly object[] } & Record<string, unknown>) => {
  const tenant = await makeTenant(postern, policy.allow, { policy });
  const path = `/tenants/${tenant.id}/keys`;
  const { body } = await admin<{ accessKeyId: string; secretAccessKey: string }>(postern, 'POST', path, {});
  const { accessKeyId, secretAccessKey } = body;
  return { ...tenant, accessKeyId, secretAccessKey };
};
const call = ({ apiKey }: Key, path: string, headers: Record<string, string> = {}, body = '{}') =>
  send(postern.gateway, path, {
    headers: { 'x-api-key': apiKey, 'content-type': 'application/json', ...headers },
    body,
  });
const callSigned = (key: Key, call: SignedCall) => {
  const { path, headers, body } = signCall(new URL(postern.gateway).host, key, call);
  return send(postern.gateway, path, { headers, body });
};
const streamPath = (name: string) => `/2021-11-15/functions/${name}/response-streaming-invocations`;
const refusalOf = async (...input: Parameters<typeof call>) => {
  const { status, headers } = await call(...input);
  return headers['x-postern-refusal'] ?? status;
};
const FORMATS = ['application/vnd.amazon.eventstream', 'text/event-stream', 'application/x-ndjson'];
const EVENT = { 'x-amz-invocation-type': 'Event' };

/** All that is said in an answer but the payload, with what is base64 read. */
function told(body: Buffer): string {
  const text = body.toString('latin1').replaceAll(`payload of ${ARN}strm:live`, '');
  const logs = [...text.matchAll(/"LogResult":"([^"]*)"/g)].map(([, log]) => atob(log ?? ''));
  return text + logs.join('');
}

describe('B1: deny', () => {
  const abroad = `arn:aws:lambda:eu-west-1:${ELSEWHERE}:function:x-1`;

  it('of a name without a place denies it in every account and region', async () => {
    const wide = await tenantWith({
      allow: [{ function: `arn:aws:lambda:eu-west-1:${ELSEWHERE}:function:x-*` }],
      deny: [{ function: '*', types: ['Event'] }],
    });
    expect(await refusalOf(wide, invokePath(encodeURIComponent(abroad)), EVENT)).toBe('function-denied');
    const { body } = await admin(postern, 'POST', `/tenants/${wide.id}/explain`, { function: abroad, type: 'Event' });
    expect(body).toMatchObject({ allowed: false, reason: 'function-denied', rule: { list: 'deny', index: 0 } });
  });

  it('stays when the tenant moves to another region', async () => {
    const moved = await tenantWith({
      allow: [{ function: `${ARN}hello` }],
      deny: [{ function: 'hello', types: ['Event'] }],
    });
    const path = invokePath(encodeURIComponent(`${ARN}hello`));
    expect(await refusalOf(moved, path, EVENT)).toBe('function-denied');
    await admin(postern, 'PATCH', `/tenants/${moved.id}`, { upstream: { region: 'eu-west-1' } });
    await takeCalls(postern.lambda);
    expect(await refusalOf(moved, path, EVENT)).toBe('function-denied');
    expect(await takeCalls(postern.lambda)).toEqual([]);
  });

  it('holds for a published name whose target is elsewhere', async () => {
    const published = await tenantWith({
      allow: [{ function: abroad }],
      deny: [{ function: 'x-*', types: ['Event'] }],
      publish: { p: abroad },
    });
    expect(await refusalOf(published, invokePath('p'), EVENT)).toBe('function-denied');
  });
});

describe('B2: a tenant with published names', () => {
  it.each(FORMATS)(
    'sees no account and no ARN at the end of a stream as %s, and the payload as it is',
    async (accept) => {
      const key = await tenantWith({ allow: [{ function: '*', logTail: true }], publish: { pub: 'strm:live' } });
      for (const body of ['{}', '{"fail":true}']) {
        const answer = await call(key, streamPath('pub'), { accept, 'x-amz-log-type': 'Tail' }, body);
        expect([answer.status, answer.headers['content-type']]).toEqual([200, accept]);
        expect(answer.body.toString()).toContain(`payload of ${ARN}strm:live`);
        expect(told(answer.body)).toContain('my arn is pub');
        expect(told(answer.body)).not.toContain(ACCOUNT);
        expect(told(answer.body).includes('secret-message at pub')).toBe(body !== '{}');
      }
    },
  );

  it('sees none when it signs, in a header or in the URL', async () => {
    const key = await tenantWith({ allow: [{ function: '*', logTail: true }], publish: { pub: 'strm:live' } });
    for (const how of [{}, { expiresSeconds: 60 }]) {
      const answer = await callSigned(key, {
        ...how,
        path: streamPath('pub'),
        headers: { 'x-amz-log-type': 'Tail' },
        body: '{"fail":true}',
      });
      expect(answer.status).toBe(200);
      expect(told(answer.body)).toContain('my arn is pub');
      expect(told(answer.body)).not.toContain(ACCOUNT);
    }
  });
});

describe('B3: a tenant with published names that calls by a real name', () => {
  it('sees no account in errors and logs', async () => {
    const key = await tenantWith({ allow: [{ function: '*', logTail: true }], publish: { pub: 'plain' } });
    const missing = await call(key, invokePath('not-there'));
    expect([missing.status, missing.body.toString().includes('not-there')]).toEqual([404, true]);
    expect(missing.body.toString()).not.toContain(ACCOUNT);
    const logged = await call(key, invokePath('plain'), { 'x-amz-log-type': 'Tail' });
    expect(atob(String(logged.headers['x-amz-log-result']))).toContain('my arn is plain');
    expect(atob(String(logged.headers['x-amz-log-result']))).not.toContain(ACCOUNT);
    expect(JSON.parse(logged.body.toString())).toBe(`${ARN}plain`);
    const streamed = await call(key, streamPath('strm'), { 'x-amz-log-type': 'Tail' });
    expect(told(streamed.body.subarray(-3_000)).replaceAll(`${ARN}strm`, '')).not.toContain(ACCOUNT);
  });

  it('may be held to its published names', async () => {
    const key = await tenantWith({ allow: [{ function: '*' }], publish: { pub: 'plain' }, publishedOnly: true });
    expect(await refusalOf(key, invokePath('pub'))).toBe(200);
    expect(await refusalOf(key, invokePath('pub:live'))).toBe(200);
    for (const name of ['plain', encodeURIComponent(`${ARN}plain`), `${ACCOUNT}:pub`, 'not-there']) {
      expect(await refusalOf(key, invokePath(name))).toBe('function-not-allowed');
    }
  });
});

describe('B4: the name of a durable execution', () => {
  const name = { 'x-amz-durable-execution-name': 'run-1' };
  const sent = async () => (await takeCalls(postern.lambda)).map((one) => one.headers['x-amz-durable-execution-name']);

  it('is refused unless a rule speaks of it, and goes scoped by tenant or as given', async () => {
    const plain = await tenantWith({ allow: [{ function: '*' }] });
    expect(await refusalOf(plain, invokePath('hello'), name)).toBe('durable-names-not-allowed');
    const [one, other] = await Promise.all(
      [1, 2].map(() => tenantWith({ allow: [{ function: '*', durableNames: 'scoped' }] })),
    );
    const shared = await tenantWith({ allow: [{ function: '*', durableNames: 'shared' }] });
    await takeCalls(postern.lambda);
    for (const key of [one, one, other, shared])
      if (key) expect(await refusalOf(key, invokePath('hello'), name)).toBe(200);
    const [first, second, third, fourth] = await sent();
    expect(first).toMatch(/^[a-z2-7]{16}-run-1$/);
    expect(second).toBe(first);
    expect(third).toMatch(/^[a-z2-7]{16}-run-1$/);
    expect(third).not.toBe(first);
    expect(fourth).toBe('run-1');
  });

  it('is scoped also when it is signed, long, or allowed by two rules', async () => {
    const key = await tenantWith({
      allow: [
        { function: '*', durableNames: 'shared', maxPayloadBytes: 1_000 },
        { function: 'h*', durableNames: 'scoped' },
      ],
    });
    await takeCalls(postern.lambda);
    const long = 'n'.repeat(64);
    const answer = await callSigned(key, {
      path: invokePath('hello'),
      headers: { 'x-amz-durable-execution-name': long },
      body: '{}',
    });
    expect(answer.status).toBe(200);
    const [scoped] = await sent();
    expect(scoped).toMatch(/^[a-z2-7]{16}_[a-z2-7]{47}$/);
  });
});

describe('B14: ResponseStream', () => {
  it('is a separate type, to allow and to deny', async () => {
    const buffered = await tenantWith({ allow: [{ function: '*', types: ['RequestResponse'] }] });
    expect(await refusalOf(buffered, invokePath('hello'))).toBe(200);
    expect(await refusalOf(buffered, streamPath('strm'))).toBe('type-not-allowed');
    const streaming = await tenantWith({ allow: [{ function: '*', types: ['ResponseStream'] }] });
    expect(await refusalOf(streaming, streamPath('strm'))).toBe(200);
    expect(await refusalOf(streaming, invokePath('hello'))).toBe('type-not-allowed');
    expect(await refusalOf(streaming, streamPath('strm'), { 'x-amz-invocation-type': 'DryRun' })).toBe(
      'type-not-allowed',
    );
    const denied = await tenantWith({
      allow: [{ function: '*' }],
      deny: [{ function: 's*', types: ['ResponseStream'] }],
    });
    expect(await refusalOf(denied, streamPath('strm'))).toBe('function-denied');
    expect(await refusalOf(denied, invokePath('slow'))).toBe(200);
    const explained = await admin(postern, 'POST', `/tenants/${denied.id}/explain`, {
      function: 'strm',
      operation: 'InvokeWithResponseStream',
    });
    expect(explained.body).toMatchObject({ allowed: false, rule: { list: 'deny', index: 0 } });
  });
});

describe("F: policy.errorDetail 'type'", () => {
  const policy = { allow: [{ function: '*', logTail: true }] };

  it('leaves of a function error its type alone, buffered and streamed in every format', async () => {
    const key = await tenantWith({ ...policy, errorDetail: 'type' });
    const failed = await call(key, invokePath('plain'), {}, '{"fail":true}');
    expect([failed.status, failed.headers['x-amz-function-error']]).toEqual([200, 'Unhandled']);
    expect(JSON.parse(failed.body.toString())).toEqual({
      errorType: 'TypeError',
      errorMessage: 'The function returned an error. Its details are not shown to callers.',
    });
    for (const accept of FORMATS) {
      const { body } = await call(key, streamPath('strm'), { accept }, '{"fail":true}');
      expect(body.toString()).toContain('TypeError');
      expect(body.toString()).not.toMatch(/secret-message|\.mjs|trace/);
    }
    expect((await call(key, invokePath('plain'))).body.toString()).toBe(`"${ARN}plain"`);
  });

  it('is full by default', async () => {
    const key = await tenantWith(policy);
    const failed = await call(key, invokePath('plain'), {}, '{"fail":true}');
    expect(JSON.parse(failed.body.toString())).toMatchObject({
      errorMessage: 'secret-message',
      trace: expect.any(Array),
    });
  });
});

describe('D13: the format of a stream', () => {
  it('is never one of weight 0, and of several the one of the greatest weight', async () => {
    const key = await tenantWith({ allow: [{ function: '*' }] });
    const typeOf = async (accept: string) => (await call(key, streamPath('strm'), { accept })).headers['content-type'];
    const own = 'application/vnd.amazon.eventstream';
    expect(await typeOf('application/x-ndjson;q=0')).toBe(own);
    expect(await typeOf('text/event-stream; q=0.2, application/x-ndjson; q=0.7')).toBe('application/x-ndjson');
    expect(await typeOf('application/x-ndjson;q=0, text/event-stream')).toBe('text/event-stream');
    expect(await typeOf('*/*, application/x-ndjson;q=0.5')).toBe(own);
    expect(await typeOf('*/*, application/x-ndjson')).toBe('application/x-ndjson');
  });

  it('has one line end for a CR and the LF of the next chunk, and for a CR alone', async () => {
    const key = await tenantWith({ allow: [{ function: '*' }] });
    const { body } = await call(key, streamPath('lines'), { accept: 'text/event-stream' });
    const [events] = body.toString().split('event: complete');
    // As a browser reads them: the data lines of each event, joined by LF.
    const read = (events ?? '')
      .split('\n\n')
      .filter((event) => event !== '')
      .map((event) => event.replaceAll(/^data: /gm, ''));
    expect(read.join('')).toBe('x\ny\nz');
  });
});
