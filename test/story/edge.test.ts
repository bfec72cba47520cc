import { request as httpRequest } from 'node:http';
import { brotliDecompressSync, gunzipSync } from 'node:zlib';
import { InvokeCommand, InvokeWithResponseStreamCommand, LambdaClient } from '@aws-sdk/client-lambda';
import aws4 from 'aws4';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type Edge, normalizeUrl, startEdge } from '../support/edge-proxy.ts';
import { invokePath, makeTenant, putBehindEdge, send, startDev, takeCalls } from '../support/postern.ts';
import type { RunningPostern } from '../support/running-postern.ts';

// A part of what `npm run prove` runs whole: the story and every conformance client through the edge.
let postern: RunningPostern & { readonly edge: Edge };
beforeAll(async () => {
  postern = await putBehindEdge(await startDev());
});
afterAll(() => postern?.stop());
beforeEach(async () => {
  await takeCalls(postern.lambda);
});

const json = { 'content-type': 'application/json' };
const keyed = () => ({ ...json, 'x-api-key': postern.demo.apiKey });
const sdk = () =>
  new LambdaClient({
    endpoint: postern.gateway,
    region: 'us-east-1',
    credentials: { ...postern.demo },
    maxAttempts: 1,
  });

describe('normalizeUrl, as Cloudflare does it', () => {
  it.each([
    [
      '/2015-03-31/functions/hello/invocations?Qualifier=%24LATEST',
      '/2015-03-31/functions/hello/invocations?Qualifier=%24LATEST',
    ],
    ['/a//b\\c///d', '/a/b/c/d'],
    ['/a/./b/../c', '/a/c'],
    ['/a/%2e%2E/b', '/b'],
    ['/../..', '/'],
    ['/a/b/..', '/a/'],
    ['/%61%5f%7E%2D%30', '/a_~-0'],
    ['/arn%3aaws:lambda', '/arn%3Aaws:lambda'],
    ['/caf\u00e9 x', '/caf%C3%A9%20x'],
    ['/a?b=//../%41%2f', '/a?b=//../A%2F'],
  ])('makes %s to %s', (url, normal) => {
    expect(normalizeUrl(url)).toBe(normal);
    expect(normalizeUrl(normal)).toBe(normal);
  });
});

describe('through the edge', () => {
  it('an SDK invokes, and reads a stream', async () => {
    const FunctionName = 'arn:aws:lambda:us-east-1:123456789012:function:echo';
    const answer = await sdk().send(new InvokeCommand({ FunctionName, Qualifier: '$LATEST', Payload: '{"a":1}' }));
    expect(JSON.parse(answer.Payload?.transformToString() ?? '')).toMatchObject({ event: { a: 1 } });
    const { EventStream } = await sdk().send(
      new InvokeWithResponseStreamCommand({ FunctionName: 'stream', Payload: '{"chunks":3,"bytes":100}' }),
    );
    let bytes = 0;
    for await (const { PayloadChunk } of EventStream ?? []) bytes += PayloadChunk?.Payload?.length ?? 0;
    expect(bytes).toBe(300);
  });

  it.each(['identity', 'gzip', 'gzip;q=0.5, br', 'deflate', undefined])(
    'a caller that signed Accept-Encoding %s is proved',
    async (encoding) => {
      const { host, hostname, port } = new URL(postern.gateway);
      const headers = { ...json, host, ...(encoding !== undefined && { 'accept-encoding': encoding }) };
      const body = '{"a":1}';
      const path = invokePath('identity');
      const options = { service: 'lambda', region: 'us-east-1', method: 'POST', hostname, port, path, headers, body };
      const signed = aws4.sign(options, postern.demo);
      const answer = await send(postern.gateway, path, { headers: signed.headers as Record<string, string>, body });
      expect(answer.status).toBe(200);
    },
  );

  it.each([
    ['gzip', gunzipSync],
    ['br', brotliDecompressSync],
  ])('an answer compressed by %s is the one that the function gave', async (encoding, decompress) => {
    const body = JSON.stringify('x'.repeat(50_000));
    const headers = { ...keyed(), 'accept-encoding': encoding };
    const answer = await send(postern.gateway, invokePath('identity'), { headers, body });
    expect(answer.headers['content-encoding']).toBe(encoding);
    expect(answer.body.length).toBeLessThan(1_000);
    expect(decompress(answer.body).toString()).toBe(body);
  });

  it('D4: a tenant is changed by the entity tag that the edge made weak, and not by an old one', async () => {
    const path = `/admin/v1/tenants/${postern.demo.tenantId}`;
    const headers = { authorization: `Bearer ${postern.adminToken}`, 'content-type': 'application/merge-patch+json' };
    const tag = (await send(postern.gateway, path, { method: 'GET', headers })).headers.etag ?? '';
    expect(tag).toMatch(/^W\/"/);
    const change = (name: string) =>
      send(postern.gateway, path, {
        method: 'PATCH',
        headers: { ...headers, 'if-match': tag },
        body: `{"name":"${name}"}`,
      });
    expect((await change('Edge')).status).toBe(200);
    expect((await change('Again')).status).toBe(412);
  });

  it('says who calls, whatever the caller says', async () => {
    const plain = await startEdge({ origin: postern.edge.url });
    // Behind an edge that takes no caller's word, in front of one that hands it on.
    const { apiKey } = await makeTenant(postern, [], {
      policy: { allow: [{ function: 'hello' }], ipAllow: ['203.0.113.0/24'] },
    });
    const headers = { ...json, 'x-api-key': apiKey, 'cf-connecting-ip': '203.0.113.7' };
    try {
      expect((await send(postern.gateway, invokePath('hello'), { headers, body: '{}' })).status).toBe(200);
      const claimed = await send(plain.url, invokePath('hello'), { headers, body: '{}' });
      expect([claimed.status, claimed.headers['x-postern-refusal']]).toEqual([403, 'address-not-allowed']);
    } finally {
      await plain.stop();
    }
  });

  it.each([520, 521, 522, 523, 524, 525, 526] as const)(
    'an SDK gets %i from the edge itself, and nothing ran',
    async (status) => {
      postern.edge.fail(status);
      const told = await sdk()
        .send(new InvokeCommand({ FunctionName: 'hello' }))
        .catch((error: { $metadata?: { httpStatusCode?: number } }) => error.$metadata?.httpStatusCode);
      expect(told).toBe(status);
      expect(await takeCalls(postern.lambda)).toEqual([]);
    },
  );

  it.each(['drop-after-head', 'drop-in-body'] as const)(
    'a caller whose connection the edge drops (%s) keeps no slot of its tenant',
    async (fault) => {
      const { apiKey } = await makeTenant(postern, [{ function: 'big' }], { limits: { concurrency: 1 } });
      const headers = { ...json, 'x-api-key': apiKey };
      for (let time = 0; time < 3; time++) {
        postern.edge.fail(fault);
        const call = { headers, body: '{"bytes":2000000}' };
        await expect(send(postern.gateway, invokePath('big'), call)).rejects.toThrow();
        const next = async () =>
          (await send(postern.gateway, invokePath('big'), { headers, body: '{"bytes":2}' })).status;
        await expect.poll(next, { timeout: 20_000 }).toBe(200);
      }
    },
  );

  it('a caller that the edge drops at once has called nothing', async () => {
    postern.edge.fail('drop');
    await expect(send(postern.gateway, invokePath('hello'), { headers: keyed(), body: '{}' })).rejects.toThrow();
    expect(await takeCalls(postern.lambda)).toEqual([]);
  });

  it('a caller that waits for 100 Continue gets it', async () => {
    const { hostname, port } = new URL(postern.gateway);
    const headers = { ...keyed(), expect: '100-continue', 'content-length': '2' };
    const request = httpRequest({ hostname, port, path: invokePath('hello'), method: 'POST', headers, agent: false });
    const told = new Promise<number>((done, fail) => {
      request.on('continue', () => request.end('{}'));
      request.on('response', (response) => done(response.resume().statusCode ?? 0)).on('error', fail);
    });
    request.flushHeaders();
    expect(await told).toBe(200);
  });
});
