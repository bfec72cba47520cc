import {
  InvokeCommand,
  LambdaClient,
  ResourceNotFoundException,
  TooManyRequestsException,
} from '@aws-sdk/client-lambda';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Emulator, startEmulator } from '../../src/emulator/start.ts';
import { call, credentials, invocations } from './wire.ts';

let emulator: Emulator;
let client: LambdaClient;
beforeAll(async () => {
  emulator = await startEmulator({ port: 0, credentials });
  client = new LambdaClient({ endpoint: emulator.url, region: 'us-east-1', credentials, maxAttempts: 1 });
});
afterAll(() => emulator.close());

const uuid = /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;
const trace = /^Root=1-[0-9a-f]{8}-[0-9a-f]{24};Parent=[0-9a-f]{16};Sampled=[01];Lineage=1:[0-9a-f]{8}:0$/;
const decode = (base64 = '') => Buffer.from(base64, 'base64').toString();

async function invoke(input: Partial<InvokeCommand['input']> & { FunctionName: string }) {
  const { Payload, ...rest } = await client.send(new InvokeCommand(input));
  return { ...rest, payload: JSON.parse(Payload?.transformToString() || 'null') };
}

describe('the head of an answer', () => {
  it('has the names, case and order of the service: 200', async () => {
    const reply = await call(emulator.port, { path: invocations('hello'), body: '{}' });
    expect(reply.status).toBe(200);
    expect(reply.headers).toEqual([
      ['Date', expect.stringMatching(/ GMT$/)],
      ['Content-Type', 'application/json'],
      ['Content-Length', '27'],
      ['Connection', 'keep-alive'],
      ['x-amzn-RequestId', expect.stringMatching(uuid)],
      ['x-amzn-Remapped-Content-Length', '0'],
      ['X-Amz-Executed-Version', '$LATEST'],
      ['X-Amzn-Trace-Id', expect.stringMatching(trace)],
    ]);
    expect(reply.text).toBe('{"message":"Hello, world!"}');
  });

  it('has the names, case and order of the service: a function error with its log', async () => {
    const reply = await call(emulator.port, { path: invocations('fail'), headers: { 'x-amz-log-type': 'Tail' } });
    expect(reply.headers.map(([name]) => name)).toEqual([
      'Date',
      'Content-Type',
      'Content-Length',
      'Connection',
      'x-amzn-RequestId',
      'X-Amz-Function-Error',
      'x-amzn-Remapped-Content-Length',
      'X-Amz-Executed-Version',
      'X-Amz-Log-Result',
      'X-Amzn-Trace-Id',
    ]);
    expect(reply.header('X-Amz-Function-Error')).toBe('Unhandled');
  });

  it('has the names, case and order of the service: 202', async () => {
    const headers = { 'x-amz-invocation-type': 'Event' };
    const reply = await call(emulator.port, { path: invocations('hello'), headers });
    expect(reply.status).toBe(202);
    expect(reply.headers).toEqual([
      ['Date', expect.stringMatching(/ GMT$/)],
      ['Content-Length', '0'],
      ['Connection', 'keep-alive'],
      ['x-amzn-RequestId', expect.stringMatching(uuid)],
      ['x-amzn-Remapped-Content-Length', '0'],
      ['X-Amzn-Trace-Id', expect.stringMatching(trace)],
    ]);
  });

  it('has no length and no version: 204', async () => {
    const headers = { 'x-amz-invocation-type': 'DryRun' };
    const reply = await call(emulator.port, { path: invocations('hello'), headers });
    expect(reply.status).toBe(204);
    expect(reply.headers.map(([name]) => name)).toEqual([
      'Date',
      'Connection',
      'x-amzn-RequestId',
      'x-amzn-Remapped-Content-Length',
      'X-Amzn-Trace-Id',
    ]);
  });

  it('keeps the root of the trace that the caller sent', async () => {
    const root = 'Root=1-6951d70a-3f43124672de60387a603d5d';
    const reply = await call(emulator.port, {
      path: invocations('echo'),
      headers: { 'x-amzn-trace-id': `${root};Parent=4891daa21b62b07d;Sampled=1` },
    });
    expect(reply.header('X-Amzn-Trace-Id')).toMatch(new RegExp(`^${root};Parent=[0-9a-f]{16};Sampled=1;`));
    expect(JSON.parse(reply.text).context.traceId).toBe(reply.header('X-Amzn-Trace-Id'));
  });
});

describe('a function called through the SDK', () => {
  it('sees its event and who called it how', async () => {
    const { payload, $metadata, ExecutedVersion } = await invoke({
      FunctionName: 'echo:live',
      Payload: '{"a":[1,"é"]}',
      ClientContext: Buffer.from('{"client":{"app":"x"}}').toString('base64'),
      TenantId: 'blue team',
    });
    expect(ExecutedVersion).toBe('2');
    expect(payload).toEqual({
      event: { a: [1, 'é'] },
      context: {
        functionName: 'echo',
        functionVersion: '2',
        invokedFunctionArn: 'arn:aws:lambda:us-east-1:123456789012:function:echo:live',
        awsRequestId: $metadata.requestId,
        clientContext: { client: { app: 'x' } },
        tenantId: 'blue team',
        traceId: expect.stringMatching(trace),
      },
    });
  });

  it.each([
    ['echo', undefined, '$LATEST', 'echo'],
    ['echo', '$LATEST', '$LATEST', 'echo:$LATEST'],
    ['echo', '1', '1', 'echo:1'],
    ['echo:2', '2', '2', 'echo:2'],
    ['123456789012:function:echo', 'live', '2', 'echo:live'],
    ['us-east-1:123456789012:function:echo', undefined, '$LATEST', 'echo'],
    ['arn:aws:lambda:us-east-1:123456789012:function:echo:1', undefined, '1', 'echo:1'],
  ])('runs the version that %s with qualifier %s means', async (FunctionName, Qualifier, version, arnEnd) => {
    const { payload, ExecutedVersion } = await invoke({ FunctionName, ...(Qualifier && { Qualifier }) });
    expect([ExecutedVersion, payload.context.functionVersion]).toEqual([version, version]);
    expect(payload.context.invokedFunctionArn).toBe(`arn:aws:lambda:us-east-1:123456789012:function:${arnEnd}`);
  });

  it('has an empty object as its event when no payload came', async () => {
    expect((await invoke({ FunctionName: 'identity' })).payload).toEqual({});
  });

  it.each(['{"b":1,"a":[true,null,"é \\" 😀"],"n":-1.5e-7}', '"text"', '12', 'null', '[]'])(
    'gets compact JSON back byte for byte: %s',
    async (json) => {
      const { Payload } = await client.send(new InvokeCommand({ FunctionName: 'identity', Payload: json }));
      expect(Payload?.transformToString()).toBe(json);
    },
  );

  it('fails with what it threw', async () => {
    const { StatusCode, FunctionError, payload } = await invoke({ FunctionName: 'fail' });
    expect([StatusCode, FunctionError]).toEqual([200, 'Unhandled']);
    expect(payload).toEqual({
      errorType: 'Error',
      errorMessage: 'This function always fails.',
      trace: expect.arrayContaining(['Error: This function always fails.']),
    });
  });

  it('gives the last 4096 bytes of its log', async () => {
    const { LogResult, $metadata } = await invoke({ FunctionName: 'log', LogType: 'Tail' });
    const lines = decode(LogResult).split('\n');
    const id = $metadata.requestId;
    expect(Buffer.from(LogResult ?? '', 'base64')).toHaveLength(4096);
    expect(lines.at(-4)).toMatch(new RegExp(`^\\d{4}-\\S+Z\\t${id}\\tINFO\\tline 64 \\.+$`));
    expect(lines.at(-3)).toBe(`END RequestId: ${id}`);
    expect(lines.at(-2)).toMatch(
      new RegExp(
        `^REPORT RequestId: ${id}\\tDuration: [\\d.]+ ms\\tBilled Duration: \\d+ ms\\tMemory Size: 1024 MB\\tMax Memory Used: \\d+ MB\\t$`,
      ),
    );
  });

  it('starts its log with its version', async () => {
    const { LogResult, $metadata } = await invoke({ FunctionName: 'hello', Qualifier: 'live', LogType: 'Tail' });
    expect(decode(LogResult)).toMatch(new RegExp(`^START RequestId: ${$metadata.requestId} Version: 2\n`));
  });

  it('gives no log when none is asked for', async () => {
    expect((await invoke({ FunctionName: 'hello' })).LogResult).toBeUndefined();
  });

  it.each([2, 6_291_556])('may answer %i bytes', async (bytes) => {
    const reply = await call(emulator.port, { path: invocations('big'), body: JSON.stringify({ bytes }) });
    expect(reply.body).toHaveLength(bytes);
    expect(reply.header('X-Amz-Function-Error')).toBeUndefined();
  });

  it('may not answer 6291557 bytes', async () => {
    const reply = await call(emulator.port, { path: invocations('big'), body: '{"bytes":6291557}' });
    expect([reply.status, reply.header('X-Amz-Function-Error')]).toEqual([200, 'Unhandled']);
    expect(reply.text).toBe(
      '{"errorMessage":"Response payload size exceeded maximum allowed payload size (6291556 bytes).","errorType":"Function.ResponseSizeTooLarge"}',
    );
  });

  it('is refused in types that the SDK knows', async () => {
    const missing = invoke({ FunctionName: 'no-such-function' });
    await expect(missing).rejects.toThrow(ResourceNotFoundException);
    const throttled = invoke({ FunctionName: 'throttled' });
    await expect(throttled).rejects.toThrow(TooManyRequestsException);
    await expect(throttled).rejects.toMatchObject({ Reason: 'ReservedFunctionConcurrentInvocationLimitExceeded' });
  });
});
