import { type AddressInfo, createServer, type Socket } from 'node:net';
import { describe, expect, it } from 'vitest';
import { admin, invokePath, makeTenant, send, startPostern } from '../support/postern.ts';
import { startRawUpstream } from '../support/raw-upstream.ts';
import type { RunningPostern } from '../support/running-postern.ts';

const LONG = Buffer.from(`"${'x'.repeat(1_000_000 - 2)}"`);
const LONGEST = Buffer.from(`"${'x'.repeat(6_291_456 - 2)}"`);

const callWith = async ({ gateway, demo }: RunningPostern, body: Buffer | string) => {
  const { status, headers } = await send(gateway, invokePath('f'), {
    headers: { 'content-type': 'application/json', 'x-api-key': demo.apiKey },
    body,
  });
  return [status, headers['x-postern-refusal'], headers['x-postern-started']];
};

/** A gateway whose Lambda does this with each connection. */
async function withLambda(onConnection: (socket: Socket) => void, use: (postern: RunningPostern) => Promise<void>) {
  const lambda = await startRawUpstream(onConnection);
  const postern = await startPostern({ args: ['--lambda-endpoint', lambda.url] });
  try {
    await use(postern);
  } finally {
    await postern.stop();
    await lambda.stop();
  }
}

/** A port that nobody listens at. */
async function closedPort(): Promise<number> {
  const gone = createServer();
  await new Promise<void>((listening) => gone.listen(0, '127.0.0.1', listening));
  const { port } = gone.address() as AddressInfo;
  await new Promise((closed) => gone.close(closed));
  return port;
}

describe('A5: a tenant whose Lambda cannot be reached', () => {
  it('keeps its slots and its quota where nothing started, and gets its slots back after 10 s where that is not known', async () => {
    const postern = await startPostern({ args: ['--lambda-endpoint', `http://127.0.0.1:${await closedPort()}`] });
    try {
      const limits = { concurrency: 2, quotas: [{ period: 'day', requests: 7 }] };
      const { id, apiKey } = await makeTenant(postern, [{ function: 'f' }], { limits });
      const call = async (body: Buffer | string) => {
        const answer = await send(postern.gateway, invokePath('f'), {
          headers: { 'content-type': 'application/json', 'x-api-key': apiKey },
          body,
        });
        return { ...answer, reason: answer.headers['x-postern-refusal'] };
      };
      for (let times = 0; times < 8; times++) expect((await call(LONG)).reason).toBe('upstream-unreachable');
      await expect
        .poll(async () => {
          const usage = await admin<{ totals: object }>(postern, 'GET', `/tenants/${id}/usage`);
          return usage.body.totals;
        })
        .toMatchObject({ calls: 8, forwarded: 0, bytesIn: 0, refused: { 'upstream-unreachable': 8 } });

      for (let times = 0; times < 2; times++) expect((await call('{}')).reason).toBe('upstream-unreachable');
      const refused = await call('{}');
      expect(refused.reason).toBe('limit-concurrency');
      // True, and not the second that it takes to be refused once more.
      expect(Number(refused.headers['retry-after'])).toBeGreaterThan(5);
      expect(Number(refused.headers['retry-after'])).toBeLessThanOrEqual(10);
      await expect
        .poll(async () => (await call('{}')).reason, { timeout: 20_000, interval: 500 })
        .toBe('upstream-unreachable');
    } finally {
      await postern.stop();
    }
  });
});

describe('A5: a call that Lambda did not answer', () => {
  it('says that nothing started where a long payload met a closed port or no TLS, and of a short one that it may have', async () => {
    const plain = await startRawUpstream((socket) => socket.on('data', () => socket.destroy()));
    for (const endpoint of [`http://127.0.0.1:${await closedPort()}`, plain.url.replace('http:', 'https:')]) {
      const postern = await startPostern({ args: ['--lambda-endpoint', endpoint] });
      try {
        expect(await callWith(postern, LONG)).toEqual([502, 'upstream-unreachable', 'no']);
        expect(await callWith(postern, '{}')).toEqual([502, 'upstream-unreachable', 'unknown']);
      } finally {
        await postern.stop();
      }
    }
    await plain.stop();
  });

  it('says that nothing started where the connection broke inside of the payload, and that it may have behind its end', async () => {
    let breakAt = 1;
    const onConnection = (socket: Socket) => {
      let read = 0;
      socket.on('data', (data) => {
        read += data.length;
        if (read >= breakAt) socket.resetAndDestroy();
        // More than the kernel takes for it stays unread.
        else if (breakAt < LONGEST.length) socket.pause();
      });
    };
    await withLambda(onConnection, async (postern) => {
      expect(await callWith(postern, LONGEST)).toEqual([502, 'upstream-unreachable', 'no']);
      breakAt = LONGEST.length + 1; // and a head
      expect(await callWith(postern, LONGEST)).toEqual([502, 'upstream-unreachable', 'unknown']);
    });
  });

  it('passes an answer on that Lambda gives before it has read the payload', async () => {
    const early = (socket: Socket) =>
      socket.once('data', () => socket.write('HTTP/1.1 413 No\r\ncontent-length: 2\r\n\r\n{}'));
    await withLambda(early, async (postern) => {
      expect(await callWith(postern, LONGEST)).toEqual([413, undefined, undefined]);
    });
  });
});

describe('A10: a Lambda that stops in the middle of an answer', () => {
  it('is given up on, and slot and sockets come back', { timeout: 180_000 }, async () => {
    const half = (socket: Socket) =>
      socket.on('data', (data) => {
        const [, name = ''] = /function%3A(short|long|quick)/.exec(data.toString()) ?? [];
        const length = name === 'long' ? 1_000_000 : 100;
        socket.write(`HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: ${length}\r\n\r\n`);
        socket.write(Buffer.alloc(name === 'quick' ? length : length / 2, 0x20));
      });
    const lambda = await startRawUpstream(half);
    const postern = await startPostern({ args: ['--lambda-endpoint', lambda.url] });
    try {
      const { apiKey } = await makeTenant(postern, [{ function: '*' }], { limits: { concurrency: 2 } });
      const call = (name: string) =>
        send(postern.gateway, invokePath(name), {
          headers: { 'content-type': 'application/json', 'x-api-key': apiKey },
          body: '{}',
        });
      const [short, long] = await Promise.allSettled([call('short'), call('long')]);
      expect(short).toMatchObject({ value: { status: 504, headers: { 'x-postern-refusal': 'upstream-timeout' } } });
      expect(long.status).toBe('rejected'); // its head had gone: only breaking off can say it
      // Lambda answers when its function has ended, so the slots are free at once.
      await expect.poll(async () => (await call('quick')).status).toBe(200);
      await expect.poll(() => lambda.open.size, { timeout: 10_000 }).toBeLessThanOrEqual(1);
    } finally {
      await postern.stop();
      await lambda.stop();
    }
  });
});
