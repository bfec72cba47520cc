import { createServer } from 'node:http';
import { type AddressInfo, createServer as createTcpServer, type Server } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { invokePath, makeTenant, send, startPostern, takeCalls } from '../support/postern.ts';
import type { RunningPostern } from '../support/running-postern.ts';

let local: RunningPostern;
beforeAll(async () => {
  local = await startPostern();
});
afterAll(async () => {
  await local.stop();
});

const json = { 'content-type': 'application/json' };
const callThrough = async (postern: RunningPostern, path = invokePath('echo'), apiKey = postern.demo.apiKey) => {
  const answer = await send(postern.gateway, path, { headers: { ...json, 'x-api-key': apiKey }, body: '{}' });
  return {
    status: answer.status,
    type: answer.headers['x-amzn-errortype'],
    reason: answer.headers['x-postern-refusal'],
    started: answer.headers['x-postern-started'],
    text: answer.body.toString(),
  };
};

describe('a gateway whose own credentials are not accepted', () => {
  it.each([
    ['wrong', { AWS_ACCESS_KEY_ID: 'AKIAWRONG00000000000', AWS_SECRET_ACCESS_KEY: 'wrong' }],
    [
      'with a stale token',
      { AWS_SESSION_TOKEN: 'stale', AWS_ACCESS_KEY_ID: 'ASIASTALE00000000000', AWS_SECRET_ACCESS_KEY: 'test' },
    ],
  ])('(%s) answers 502, and does not blame the caller', async (_, env) => {
    const broken = await startPostern({
      args: ['--lambda-endpoint', local.lambda],
      env: { AWS_ACCOUNT_ID: '123456789012', AWS_REGION: 'us-east-1', ...env },
    });
    try {
      const { text, ...rest } = await callThrough(broken);
      expect(rest).toEqual({
        status: 502,
        type: 'ServiceException',
        reason: 'upstream-credentials',
        started: undefined,
      });
      expect(text).not.toContain('AKIA');
    } finally {
      await broken.stop();
    }
  });
});

describe('a denial of Lambda', () => {
  it('keeps its type and gets our wording, without an ARN of ours', async () => {
    const stranger = 'arn:aws:lambda:us-east-1:999999999999:function:echo';
    const { apiKey } = await makeTenant(local, [{ function: stranger }]);
    const { text, ...rest } = await callThrough(local, invokePath(stranger), apiKey);
    expect(rest).toMatchObject({ status: 403, type: 'AccessDeniedException', reason: 'upstream-access-denied' });
    expect(text).not.toContain('123456789012');
  });
});

/** An upstream of the test's own making, and a gateway in front of it. */
async function withUpstream(server: Server, use: (postern: RunningPostern) => Promise<void>): Promise<void> {
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
  const { port } = server.address() as AddressInfo;
  const postern = await startPostern({ args: ['--lambda-endpoint', `http://127.0.0.1:${port}`] });
  try {
    await use(postern);
  } finally {
    await postern.stop();
    server.close();
  }
}

describe('an upstream', () => {
  it('that breaks the connection gets the call once, and the caller learns that it may have run', async () => {
    let received = 0;
    const server = createServer((request) => {
      received++;
      request.resume().on('end', () => request.socket.destroy());
    });
    await withUpstream(server, async (postern) => {
      const { text, ...rest } = await callThrough(postern);
      expect(rest).toEqual({
        status: 502,
        type: 'ServiceException',
        reason: 'upstream-unreachable',
        started: 'unknown',
      });
      expect(received).toBe(1);
    });
  });

  it('that redirects is not followed, and throttles and server errors are not tried again', async () => {
    const seen: string[] = [];
    const server = createServer((request, response) => {
      seen.push(request.url ?? '');
      const status = Number(/function%3As(\d+)/.exec(request.url ?? '')?.[1] ?? 200);
      request.resume().on('end', () => {
        response.writeHead(status, {
          location: '/elsewhere',
          'set-cookie': 'a=b',
          'x-amzn-errortype': 'TooManyRequestsException',
          'retry-after': '7',
        });
        response.end('{"from":"lambda"}');
      });
    });
    await withUpstream(server, async (postern) => {
      for (const status of [307, 429, 500, 503]) {
        seen.length = 0;
        const answer = await send(postern.gateway, invokePath(`s${status}`), {
          headers: { ...json, 'x-api-key': postern.demo.apiKey },
          body: '{}',
        });
        expect(answer.status).toBe(status);
        expect(answer.body.toString()).toBe('{"from":"lambda"}');
        expect(answer.headers.location).toBeUndefined();
        expect(answer.headers['set-cookie']).toBeUndefined();
        expect(answer.headers['retry-after']).toBe('7');
        expect(seen).toHaveLength(1);
      }
    });
  });

  it('that answers with an invalid HTTP status is distinguished from an error of ours', async () => {
    const server = createTcpServer((socket) => {
      socket.once('data', () => socket.end('HTTP/1.1 999 Odd\r\ncontent-length: 0\r\n\r\n'));
      socket.on('error', () => {});
    });
    await withUpstream(server, async (postern) => {
      expect(await callThrough(postern)).toMatchObject({
        status: 502,
        reason: 'upstream-unreachable',
        started: 'unknown',
      });
      await expect.poll(() => postern.log(), { timeout: 5_000 }).toContain('upstream-unreachable');
    });
  });

  it('is not asked again, and its answer still counts, when the caller has left', async () => {
    const started = Promise.withResolvers<void>();
    const finish = Promise.withResolvers<void>();
    const finished = Promise.withResolvers<void>();
    let received = 0;
    const server = createServer(async (request, response) => {
      received++;
      request.resume();
      started.resolve();
      await finish.promise;
      response.end('{"late":true}', () => finished.resolve());
    });
    await withUpstream(server, async (postern) => {
      const leaving = new AbortController();
      const call = fetch(`${postern.gateway}${invokePath('slow')}`, {
        method: 'POST',
        headers: { ...json, 'x-api-key': postern.demo.apiKey },
        body: '{}',
        signal: leaving.signal,
      });
      await started.promise;
      leaving.abort();
      await expect(call).rejects.toThrow();
      finish.resolve();
      await finished.promise;
      await expect.poll(() => postern.log(), { timeout: 5_000 }).toMatch(/200 {2}RequestResponse {2}slow/);
      expect(received).toBe(1);
    });
  });
});

describe('a stream of the answer', () => {
  it('begins at the caller before it has ended at Lambda', async () => {
    const rest = Promise.withResolvers<void>();
    const server = createServer(async (request, response) => {
      request.resume();
      response.writeHead(200, { 'content-type': 'application/json' });
      response.write('["first"');
      await rest.promise;
      response.end(',"last"]');
    });
    await withUpstream(server, async (postern) => {
      const answer = await fetch(`${postern.gateway}${invokePath('f')}`, {
        method: 'POST',
        headers: { ...json, 'x-api-key': postern.demo.apiKey, 'accept-encoding': 'identity' },
        body: '{}',
      });
      const reader = answer.body?.getReader();
      expect(new TextDecoder().decode((await reader?.read())?.value)).toBe('["first"');
      rest.resolve();
      expect(new TextDecoder().decode((await reader?.read())?.value)).toBe(',"last"]');
    });
  });
});

describe('the local Lambda', () => {
  it('has been called by signature, and by nothing else', async () => {
    await takeCalls(local.lambda);
    await callThrough(local);
    const unsigned = await send(local.lambda, invokePath('echo'), { headers: json, body: '{}' });
    expect([unsigned.status, unsigned.headers['x-amzn-errortype']]).toEqual([
      403,
      'MissingAuthenticationTokenException',
    ]);
  });
});
