import { InvokeAsyncCommand, InvokeWithResponseStreamCommand, LambdaClient } from '@aws-sdk/client-lambda';
import { EventStreamCodec } from '@smithy/eventstream-codec';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { type Emulator, startEmulator } from '../../src/emulator/start.ts';
import { makeFolder } from './folder.ts';
import { call, credentials, invocations } from './wire.ts';

const folder = makeFolder();
const logged: string[] = [];
let emulator: Emulator;
let client: LambdaClient;
beforeAll(async () => {
  emulator = await startEmulator({
    port: 0,
    credentials,
    functionsDir: folder.path,
    log: (line) => logged.push(line),
  });
  client = new LambdaClient({ endpoint: emulator.url, region: 'us-east-1', credentials, maxAttempts: 1 });
});
afterAll(async () => {
  await emulator.close();
  folder.remove('.');
});

const streamed = (name: string) =>
  invocations(name).replace('2015-03-31', '2021-11-15').replace('invocations', 'response-streaming-invocations');
const codec = new EventStreamCodec(
  (bytes) => Buffer.from(bytes).toString(),
  (text) => Buffer.from(text),
);

/** Calls a function for a stream and gives its frames. */
async function frames(name: string, event: unknown = {}, headers: Record<string, string> = {}) {
  const reply = await call(emulator.port, { path: streamed(name), body: JSON.stringify(event), headers });
  expect(reply.status).toBe(200);
  const all = [];
  for (let at = 0; at < reply.body.byteLength; at += reply.body.readUInt32BE(at)) {
    const { headers, body } = codec.decode(reply.body.subarray(at, at + reply.body.readUInt32BE(at)));
    const named = Object.fromEntries(Object.entries(headers).map(([key, { value }]) => [key, value]));
    all.push({ ...named, text: Buffer.from(body).toString() });
  }
  return { reply, frames: all };
}

const payload = (text: string) => ({
  ':event-type': 'PayloadChunk',
  ':content-type': 'application/octet-stream',
  ':message-type': 'event',
  text,
});
const complete = (text: string) => ({
  ':event-type': 'InvokeComplete',
  ':content-type': 'application/json',
  ':message-type': 'event',
  text,
});

describe('a streamed answer', () => {
  it('has a frame for each chunk as it was written, and one at the end', async () => {
    const { reply, frames: all } = await frames('stream:live', { chunks: 3, bytes: 5, delayMs: 20 });
    expect(reply.header('Content-Type')).toBe('application/vnd.amazon.eventstream');
    expect(reply.header('X-Amz-Executed-Version')).toBe('2');
    expect(all).toEqual([payload('xxxxx'), payload('xxxxx'), payload('xxxxx'), complete('{}')]);
  });

  it('arrives while the function still runs', async () => {
    const command = new InvokeWithResponseStreamCommand({
      FunctionName: 'stream',
      Payload: '{"chunks":2,"bytes":1,"delayMs":600000}',
    });
    const abort = new AbortController();
    const { EventStream = [] } = await client.send(command, { abortSignal: abort.signal });
    for await (const event of EventStream) {
      expect(event.PayloadChunk?.Payload).toHaveLength(1);
      break;
    }
    abort.abort();
  });

  it('has one chunk when the handler does not stream', async () => {
    expect((await frames('hello', { name: 'Ada' })).frames).toEqual([
      payload('{"message":"Hello, Ada!"}'),
      complete('{}'),
    ]);
  });

  it('ends with the log when it is asked for', async () => {
    const { frames: all } = await frames('hello', {}, { 'x-amz-log-type': 'Tail' });
    const { LogResult } = JSON.parse(all.at(-1)?.text ?? '');
    expect(Buffer.from(LogResult, 'base64').toString()).toMatch(/^START RequestId: [\s\S]+\nREPORT /);
  });

  it('ends with the error of a handler that fails midway', async () => {
    folder.write(
      'midway.mjs',
      `export const handler = awslambda.streamifyResponse(async (event, stream) => {
         stream.write('some'); throw new TypeError('no more'); });`,
    );
    const { frames: all } = await frames('midway');
    expect(all[0]).toEqual(payload('some'));
    const { ErrorCode, ErrorDetails } = JSON.parse(all[1]?.text ?? '');
    expect(ErrorCode).toBe('Unhandled');
    expect(JSON.parse(ErrorDetails)).toMatchObject({ errorType: 'TypeError', errorMessage: 'no more' });
  });

  it.each([
    ['throws at once', 'fail', '{"errorType":"Error","errorMessage":"This function always fails."'],
    ['exits', 'exits', '"Runtime.ExitError"'],
    ['never ends its stream', 'endless', 'Response stream is not finished.'],
  ])('ends with the error of a handler that %s', async (_, name, text) => {
    folder.write('exits.mjs', 'export const handler = awslambda.streamifyResponse(async () => process.exit(1));');
    folder.write('endless.mjs', 'export const handler = awslambda.streamifyResponse(async () => {});');
    const { frames: all } = await frames(name);
    expect(all).toHaveLength(1);
    expect(JSON.parse(all[0]?.text ?? '').ErrorDetails).toContain(text);
  });

  it('starts with a prelude when the handler writes HTTP', async () => {
    folder.write(
      'http.mjs',
      `export const handler = awslambda.streamifyResponse(async (event, stream) => {
         stream = awslambda.HttpResponseStream.from(stream, { statusCode: 201 });
         stream.write('body'); stream.end(); });`,
    );
    const { frames: all } = await frames('http');
    expect(all.map(({ text }) => text).join('')).toBe(`{"statusCode":201}${'\0'.repeat(8)}body{}`);
  });

  it('is one answer for a plain call', async () => {
    const reply = await call(emulator.port, { path: invocations('stream'), body: '{"chunks":4,"bytes":2}' });
    expect(reply.text).toBe('xxxxxxxx');
    expect(reply.header('X-Amz-Function-Error')).toBeUndefined();
  });

  it('may be larger than a plain answer, which is held to its limit', async () => {
    const body = '{"chunks":7,"bytes":1000000}';
    const plain = await call(emulator.port, { path: invocations('stream'), body });
    expect(JSON.parse(plain.text).errorType).toBe('Function.ResponseSizeTooLarge');
    expect((await frames('stream', JSON.parse(body))).frames).toHaveLength(8);
  });

  it('waits for a slow reader: a writer is never far ahead', async () => {
    folder.write(
      'eager.mjs',
      `import { once } from 'node:events';
       export const handler = awslambda.streamifyResponse(async (event, stream) => {
         const chunk = Buffer.alloc(1_000_000);
         for (let i = 1; i <= 200; i++) {
           if (!stream.write(chunk)) await once(stream, 'drain');
           console.log('written', i);
         }
         stream.end(); });`,
    );
    const command = new InvokeWithResponseStreamCommand({ FunctionName: 'eager', Payload: '{}' });
    const { EventStream = [] } = await client.send(command);
    const written = () => Number(/written (\d+)/.exec(logged.findLast((line) => line.includes('written')) ?? '')?.[1]);
    let read = 0;
    for await (const { PayloadChunk } of EventStream) {
      if (read === 0) {
        await call(emulator.port, { path: invocations('slow'), body: '{"ms":300}' });
        expect(written()).toBeLessThan(20);
      }
      read += PayloadChunk?.Payload?.byteLength ?? 0;
    }
    expect(read).toBe(200_000_000);
    expect(written()).toBe(200);
  });

  it('runs on without its caller', async () => {
    const command = new InvokeWithResponseStreamCommand({ FunctionName: 'patient', Payload: '{}' });
    folder.write(
      'patient.mjs',
      `import { once } from 'node:events';
       export const handler = awslambda.streamifyResponse(async (event, stream) => {
         for (let i = 1; i <= 50; i++) if (!stream.write(Buffer.alloc(1_000_000))) await once(stream, 'drain');
         stream.end(); console.log('patient is done'); });`,
    );
    const abort = new AbortController();
    const { EventStream = [] } = await client.send(command, { abortSignal: abort.signal });
    for await (const _ of EventStream) break;
    abort.abort();
    await vi.waitFor(() => expect(logged.join('\n')).toContain('patient is done'), { timeout: 10_000 });
  });

  it.each([
    ['an event', { 'x-amz-invocation-type': 'Event' }, 400, 'ValidationException'],
    ['a throttled function', {}, 429, 'TooManyRequestsException'],
  ])('is refused like any call: %s', async (_, headers, status, type) => {
    const reply = await call(emulator.port, { path: streamed('throttled'), headers });
    expect([reply.status, reply.header('x-amzn-ErrorType')]).toEqual([status, type]);
  });
});

describe('InvokeAsync', () => {
  it('is an event, as the SDK sends it', async () => {
    const { Status } = await client.send(new InvokeAsyncCommand({ FunctionName: 'hello', InvokeArgs: '{}' }));
    expect(Status).toBe(202);
  });

  it.each(['', '/'])('is there with a path that ends in "%s"', async (end) => {
    folder.write('async.mjs', 'export const handler = async (event) => { console.log("async saw", event.n); };');
    const n = Math.random();
    const path = `/2014-11-13/functions/async/invoke-async${end}`;
    const reply = await call(emulator.port, { path, body: JSON.stringify({ n }) });
    expect([reply.status, reply.text]).toEqual([202, '']);
    await vi.waitFor(() => expect(logged.join('\n')).toContain(`async saw ${n}`));
  });

  it('takes no more than 262144 bytes', async () => {
    const path = '/2014-11-13/functions/hello/invoke-async';
    const reply = await call(emulator.port, { path, body: `"${'x'.repeat(262_143)}"` });
    const message = '262145 byte payload is too large for the Event invocation type (limit 262144 bytes)';
    expect([reply.status, reply.text]).toEqual([413, JSON.stringify({ Type: 'User', message })]);
  });

  it('knows neither qualifiers nor types: those of Invoke are not read', async () => {
    const path = '/2014-11-13/functions/hello/invoke-async?Qualifier=not+one';
    expect((await call(emulator.port, { path, headers: { 'x-amz-invocation-type': 'none' } })).status).toBe(202);
  });
});
