import { createServer, type IncomingHttpHeaders, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { admin, invokePath, makeTenant, send, startPostern, takeCalls } from '../support/postern.ts';
import type { RunningPostern } from '../support/running-postern.ts';

const ROOT = '1-5759e988-bd862e3fe1be46a994272793';
const json = { 'content-type': 'application/json' };

/** A Lambda that answers as the function's name says, and keeps what it was sent. */
const seen: { readonly url: string; readonly headers: IncomingHttpHeaders }[] = [];
const CLOUDFLARE = { server: 'cloudflare', 'content-type': 'text/plain' };
let lambda: Server;
let postern: RunningPostern;
let endpoint = '';
beforeAll(async () => {
  lambda = createServer((request, response) => {
    seen.push({ url: request.url ?? '', headers: request.headers });
    const [, kind = '', status = '200'] = /(cf|bare|lambda)-(\d{3})/.exec(request.url ?? '') ?? [];
    request.resume().on('end', () => {
      const id = kind === 'lambda' ? { 'x-amzn-requestid': 'from-lambda' } : {};
      response.writeHead(Number(status), { ...(kind === 'bare' ? {} : CLOUDFLARE), ...id });
      response.end(kind === 'lambda' ? '{}' : `error code: ${status}`);
    });
  });
  await new Promise<void>((listening) => lambda.listen(0, '127.0.0.1', listening));
  endpoint = `http://127.0.0.1:${(lambda.address() as AddressInfo).port}`;
  postern = await startPostern({ args: ['--lambda-endpoint', endpoint] });
});
afterAll(async () => {
  await postern.stop();
  lambda.closeAllConnections();
  lambda.close();
});

const call = (name: string, apiKey = postern.demo.apiKey, headers = {}, to = postern) =>
  send(to.gateway, invokePath(name), { headers: { ...json, 'x-api-key': apiKey, ...headers }, body: '{}' });

describe('D7: an answer of a platform on the way', () => {
  it.each([
    ['cf-520', 502, 'upstream-unreachable'],
    ['cf-521', 502, 'upstream-unreachable'],
    ['cf-522', 504, 'upstream-timeout'],
    ['cf-524', 504, 'upstream-timeout'],
    ['cf-526', 502, 'upstream-unreachable'],
    ['cf-530', 502, 'upstream-unreachable'],
    // No status of a platform's own, but the platform's own words.
    ['cf-502', 502, 'upstream-unreachable'],
    ['cf-504', 504, 'upstream-timeout'],
    ['bare-523', 502, 'upstream-unreachable'],
  ])('%s is not taken for one of Lambda', async (name, status, reason) => {
    const { headers, body, ...answer } = await call(name);
    expect([answer.status, headers['x-postern-refusal'], headers['x-postern-started']]).toEqual([
      status,
      reason,
      'unknown',
    ]);
    expect(body.toString()).not.toContain('error code');
  });

  it.each(['lambda-500', 'lambda-502', 'lambda-200', 'cf-404', 'bare-503'])('%s passes', async (name) => {
    const { status, headers } = await call(name);
    expect([status, headers['x-postern-refusal']]).toEqual([Number(name.slice(-3)), undefined]);
  });

  it('holds its slot as a lost call does', async () => {
    const { apiKey } = await makeTenant(postern, [{ function: '*' }], { limits: { concurrency: 1 } });
    expect((await call('cf-520', apiKey)).headers['x-postern-refusal']).toBe('upstream-unreachable');
    const refused = await call('lambda-200', apiKey);
    expect(refused.headers['x-postern-refusal']).toBe('limit-concurrency');
    expect(Number(refused.headers['retry-after'])).toBeGreaterThan(5);
  });
});

describe('D8: a trace', () => {
  const traceOf = async (headers: object) => {
    seen.length = 0;
    const answer = await call('f', undefined, headers);
    return { sent: seen[0]?.headers['x-amzn-trace-id'], echoed: answer.headers['x-amzn-trace-id'] };
  };

  it('goes to Lambda and back to the caller', async () => {
    const trace = `Root=${ROOT};Parent=53995c3f42cd8ad8;Sampled=1;Lineage=1:a87bd80c:3`;
    expect(await traceOf({ 'x-amzn-trace-id': trace })).toEqual({ sent: trace, echoed: trace });
  });

  it('is derived from W3C traceparent', async () => {
    const derived = 'Root=1-4bf92f35-77b34da6a3ce929d0e0e4736;Parent=00f067aa0ba902b7;Sampled=1';
    const traceparent = '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01';
    expect(await traceOf({ traceparent })).toEqual({ sent: derived, echoed: derived });
  });

  it('that is malformed goes nowhere, and refuses nothing', async () => {
    for (const trace of [`Root=${ROOT};Sampled=maybe`, 'x'.repeat(5_000)]) {
      expect(await traceOf({ 'x-amzn-trace-id': trace })).toEqual({ sent: undefined, echoed: undefined });
    }
  });
});

describe('D9: POSTERN_LAMBDA_NAMES=name', () => {
  it('sends the bare name and the qualifier, signed, and refuses what is elsewhere', async () => {
    // The local Lambda proves the signature over the query, too.
    const local = await startPostern({ env: { POSTERN_LAMBDA_NAMES: 'name' } });
    try {
      const elsewhere = [
        'arn:aws:lambda:eu-west-1:123456789012:function:echo',
        'arn:aws:lambda:us-east-1:999999999999:function:echo',
      ];
      const { id, apiKey } = await makeTenant(
        local,
        ['echo', ...elsewhere].map((name) => ({ function: name })),
      );
      await takeCalls(local.lambda);
      const answers = [
        await call('echo', apiKey, {}, local),
        await call('echo:live', apiKey, {}, local),
        await call('echo:$LATEST', apiKey, {}, local),
      ];
      expect(answers.map(({ status }) => status)).toEqual([200, 200, 200]);
      expect((await takeCalls(local.lambda)).map(({ path }) => path)).toEqual([
        '/2015-03-31/functions/echo/invocations',
        '/2015-03-31/functions/echo/invocations?Qualifier=live',
        '/2015-03-31/functions/echo/invocations?Qualifier=%24LATEST',
      ]);
      for (const name of elsewhere) {
        const refused = await call(name, apiKey, {}, local);
        expect([refused.status, refused.headers['x-postern-refusal']]).toEqual([403, 'function-elsewhere']);
        const explained = await admin<{ reason: string }>(local, 'POST', `/tenants/${id}/explain`, { function: name });
        expect(explained.body.reason).toBe('function-elsewhere');
      }
      expect(await takeCalls(local.lambda)).toEqual([]);
    } finally {
      await local.stop();
    }
  });
});
