import { createHash } from 'node:crypto';
import { connect } from 'node:net';
import { describe, expect, it } from 'vitest';
import { workerdMemory } from '../support/memory.ts';
import { invokePath, send, takeCalls } from '../support/postern.ts';
import { usePostern } from '../support/use-postern.ts';

const SYNC_LIMIT = 6_291_456;
const EVENT_LIMIT = 1_048_576;
const MIB = 1024 * 1024;
/** V8 lets garbage lie until it sees a reason; after so many rounds (measured) a steady load needs no more memory. */
const WARM_UP_ROUNDS = 20;

const postern = usePostern();

const jsonOf = (bytes: number) => Buffer.from(`"${'x'.repeat(bytes - 2)}"`);
const keyed = () => ({ 'x-api-key': postern.demo.apiKey, 'content-type': 'application/json' });
const sha256 = (bytes: Buffer) => createHash('sha256').update(bytes).digest('hex');

function* chunks(bytes: number, size = 64 * 1024) {
  for (let left = bytes; left > 0; left -= size) yield Buffer.alloc(Math.min(size, left), 0x20);
}

describe('a payload', () => {
  it('of exactly the limit arrives whole, declared or chunked', async () => {
    const body = jsonOf(SYNC_LIMIT);
    const halves = [body.subarray(0, 3_000_000), body.subarray(3_000_000)];
    for (const sent of [body, halves]) {
      const answer = await send(postern.gateway, invokePath('hello'), { headers: keyed(), body: sent });
      expect(answer.status).toBe(200);
      const [seen] = await takeCalls(postern.lambda);
      expect([seen?.bodyBytes, seen?.bodySha256]).toEqual([SYNC_LIMIT, sha256(body)]);
    }
  });

  it('of one byte more is refused, declared or chunked, and never sent', async () => {
    const body = jsonOf(SYNC_LIMIT + 1);
    for (const sent of [body, [body]]) {
      const answer = await send(postern.gateway, invokePath('hello'), { headers: keyed(), body: sent });
      expect([answer.status, answer.headers['x-amzn-errortype']]).toEqual([413, 'RequestTooLargeException']);
      expect(JSON.parse(answer.body.toString())).toEqual({
        Type: 'User',
        message: 'Request must be smaller than 6291456 bytes for the InvokeFunction operation',
      });
    }
    expect(await takeCalls(postern.lambda)).toEqual([]);
  });

  it('of an Event has its own limit', async () => {
    const headers = () => ({ ...keyed(), 'x-amz-invocation-type': 'Event' });
    const fits = await send(postern.gateway, invokePath('hello'), { headers: headers(), body: jsonOf(EVENT_LIMIT) });
    expect(fits.status).toBe(202);
    const body = jsonOf(EVENT_LIMIT + 1);
    for (const sent of [body, [body]]) {
      const answer = await send(postern.gateway, invokePath('hello'), { headers: headers(), body: sent });
      expect(answer.status).toBe(413);
      expect(JSON.parse(answer.body.toString()).message).toBe(
        '1048577 byte payload is too large for the Event invocation type (limit 1048576 bytes)',
      );
    }
  });

  it('of 90 MB gets its 413 every time of ten, with no growth in memory', async () => {
    const declared = { ...keyed(), 'content-length': '90000000' };
    for (const headers of [keyed(), declared]) {
      let before = 0;
      for (let time = -WARM_UP_ROUNDS; time < 10; time++) {
        if (time === 0) before = workerdMemory(postern.pid);
        const answer = await send(postern.gateway, invokePath('hello'), { headers, body: chunks(90_000_000) });
        expect([answer.status, answer.headers['x-postern-refusal']]).toEqual([413, 'payload-too-large']);
      }
      expect(workerdMemory(postern.pid) - before).toBeLessThan(24 * MIB);
    }
    expect(await takeCalls(postern.lambda)).toEqual([]);
  });

  it('that nobody known sends is refused, and its bytes are of no matter', async () => {
    const answer = await send(postern.gateway, invokePath('hello'), { body: chunks(6_000_000) });
    expect([answer.status, answer.headers['x-postern-refusal']]).toEqual([403, 'no-credentials']);
  });
});

describe('a caller that does not go on', () => {
  /** Opens a connection that sends the head of a call and these bytes of its body, and nothing more. */
  const begin = async (apiKey: string | undefined, bodyBytes: number, declaredBytes = SYNC_LIMIT) => {
    const { hostname, port } = new URL(postern.gateway);
    const socket = connect(Number(port), hostname);
    const key = apiKey === undefined ? '' : `x-api-key: ${apiKey}\r\n`;
    const head = `POST ${invokePath('hello')} HTTP/1.1\r\nhost: ${hostname}:${port}\r\n${key}content-length: ${declaredBytes}\r\n\r\n`;
    await new Promise<void>((written) => socket.write(head + ' '.repeat(bodyBytes), () => written()));
    return socket;
  };
  const served = async () => {
    const body = jsonOf(5_500_000);
    const answers = Array.from({ length: 6 }, () =>
      send(postern.gateway, invokePath('hello'), { headers: keyed(), body }),
    );
    return (await Promise.all(answers)).map(({ status }) => status);
  };

  it('but resets its upload, takes no memory away from the others', async () => {
    for (const bytes of [0, 100_000, 3_000_000]) {
      for (let time = 0; time < 12; time++) {
        const socket = await begin(postern.demo.apiKey, bytes);
        await new Promise((waited) => setTimeout(waited, 20));
        socket.resetAndDestroy();
      }
    }
    await expect.poll(served, { timeout: 20_000 }).toEqual([200, 200, 200, 200, 200, 200]);
  });

  it('and holds many connections open, does not shut the others out', async () => {
    const idle = await Promise.all(Array.from({ length: 30 }, () => begin(postern.demo.apiKey, 10)));
    expect(await served()).toEqual([200, 200, 200, 200, 200, 200]);
    for (const socket of idle) socket.destroy();
  });

  it('gets its answer all the same when it is refused', async () => {
    const socket = await begin(undefined, 0, 10);
    const answer = await new Promise<string>((answered) => socket.once('data', (data) => answered(data.toString())));
    expect(answer).toMatch(/^HTTP\/1\.1 403 /);
    socket.destroy();
  });
});
