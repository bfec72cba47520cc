import { InvokeWithResponseStreamCommand, LambdaClient } from '@aws-sdk/client-lambda';
import { describe, expect, it } from 'vitest';
import { workerdMemory } from '../support/memory.ts';
import { send, takeCalls } from '../support/postern.ts';
import { usePostern } from '../support/use-postern.ts';

const MIB = 1024 * 1024;
const path = (name: string) => `/2021-11-15/functions/${name}/response-streaming-invocations`;

const postern = usePostern();

const ask = (input: object, accept?: string) =>
  fetch(`${postern.gateway}${path('stream')}`, {
    method: 'POST',
    headers: {
      'x-api-key': postern.demo.apiKey,
      'content-type': 'application/json',
      ...(accept !== undefined && { accept }),
    },
    body: JSON.stringify(input),
  });

describe('a response stream', () => {
  it('brings its first chunk before the second is made', async () => {
    const answer = await ask({ chunks: 2, bytes: 10, delayMs: 3_000 }, 'application/octet-stream');
    const reader = answer.body?.getReader();
    const first = await reader?.read();
    expect(first?.value?.length).toBe(10);
    // The local Lambda still has the call open: the second chunk has not been made.
    const [call] = await takeCalls(postern.lambda);
    expect((call as unknown as { endedAtMs: number | null }).endedAtMs).toBeNull();
    expect((await reader?.read())?.value?.length).toBe(10);
    expect((await reader?.read())?.done).toBe(true);
  });

  it('of 200 MB passes whole, with memory flat', async () => {
    const client = new LambdaClient({
      endpoint: postern.gateway,
      region: 'us-east-1',
      credentials: postern.demo,
      maxAttempts: 1,
    });
    await ask({ chunks: 320, bytes: 65_536, delayMs: 0 }).then((answer) => answer.arrayBuffer());
    const before = workerdMemory(postern.pid);
    let peak = before;
    let bytes = 0;
    const { EventStream } = await client.send(
      new InvokeWithResponseStreamCommand({
        FunctionName: 'stream',
        Payload: JSON.stringify({ chunks: 3_200, bytes: 65_536, delayMs: 0 }),
      }),
    );
    let seen = 0;
    for await (const { PayloadChunk } of EventStream ?? []) {
      bytes += PayloadChunk?.Payload?.length ?? 0;
      if (seen++ % 100 === 0) peak = Math.max(peak, workerdMemory(postern.pid));
    }
    console.log(
      `workerd: ${(before / MIB).toFixed(0)} MiB before, ${(peak / MIB).toFixed(0)} MiB at most during 200 MB`,
    );
    expect(bytes).toBe(3_200 * 65_536);
    expect(peak - before).toBeLessThan(64 * MIB);
  });

  it('comes as server-sent events, lines or bytes to who asks for them', async () => {
    const input = { chunks: 2, bytes: 3, delayMs: 0 };
    const sse = await ask(input, 'text/event-stream');
    expect([sse.status, sse.headers.get('content-type')]).toEqual([200, 'text/event-stream']);
    expect(await sse.text()).toBe('data: xxx\n\ndata: xxx\n\nevent: complete\ndata: {}\n\n');
    const lines = await ask(input, 'application/x-ndjson');
    expect(await lines.text()).toBe(
      '{"PayloadChunk":{"Payload":"xxx"}}\n{"PayloadChunk":{"Payload":"xxx"}}\n{"InvokeComplete":{}}\n',
    );
    expect(await (await ask(input, 'application/octet-stream')).text()).toBe('xxxxxx');
  });

  it('refuses Event, which a stream does not know', async () => {
    const answer = await send(postern.gateway, path('stream'), {
      headers: { 'x-api-key': postern.demo.apiKey, 'x-amz-invocation-type': 'Event' },
      body: '{}',
    });
    expect([answer.status, answer.headers['x-postern-refusal']]).toEqual([400, 'invocation-type']);
    expect(answer.body.toString()).toContain('[DryRun, RequestResponse]');
  });

  it('answers errors before the stream as Lambda does', async () => {
    const answer = await send(postern.gateway, path('nothing-here'), {
      headers: { 'x-api-key': postern.demo.apiKey, accept: 'text/event-stream' },
      body: '{}',
    });
    expect([answer.status, answer.headers['x-amzn-errortype']]).toEqual([404, 'ResourceNotFoundException']);
  });

  it('with an error midway shows it in every format', async () => {
    const answer = await fetch(`${postern.gateway}${path('fail')}`, {
      method: 'POST',
      headers: { 'x-api-key': postern.demo.apiKey, 'content-type': 'application/json', accept: 'text/event-stream' },
      body: '{}',
    });
    expect(await answer.text()).toContain('event: error\ndata: {"ErrorCode":"Unhandled"');
  });
});

describe('InvokeAsync', () => {
  it('is 202 with and without the slash, and has its own limit', async () => {
    const headers = { 'x-api-key': postern.demo.apiKey };
    for (const slash of ['', '/']) {
      const async = `/2014-11-13/functions/hello/invoke-async${slash}`;
      expect((await send(postern.gateway, async, { headers, body: '{}' })).status).toBe(202);
      const tooLarge = await send(postern.gateway, async, { headers, body: `"${'x'.repeat(262_143)}"` });
      expect([tooLarge.status, tooLarge.headers['x-postern-refusal']]).toEqual([413, 'payload-too-large']);
    }
  });
});
