import { createHash } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type Emulator, startEmulator } from '../../src/emulator/start.ts';
import { call, credentials, exchange, invocations } from './wire.ts';

let emulator: Emulator;
beforeAll(async () => {
  emulator = await startEmulator({ port: 0, credentials });
});
afterAll(() => emulator.close());
beforeEach(async () => {
  expect((await exchange(emulator.port, { method: 'DELETE', path: '/_calls' })).status).toBe(204);
});

const look = async () => JSON.parse((await exchange(emulator.port, { method: 'GET', path: '/_calls' })).text);

describe('GET /_calls', () => {
  it('answers an empty list when nothing came', async () => {
    expect(await look()).toEqual([]);
  });

  it('shows a call as it came', async () => {
    const body = '{"name":"Ada"}';
    const path = `/2015-03-31/functions/arn%3Aaws%3Alambda%3Aus-east-1%3A123456789012%3Afunction%3Ahello/invocations?Qualifier=%24LATEST`;
    const before = Date.now();
    await call(emulator.port, { path, body, headers: { 'X-Amz-Log-Type': 'Tail' } });
    const [seen] = await look();
    expect(seen).toMatchObject({
      method: 'POST',
      path,
      bodyBytes: body.length,
      bodySha256: createHash('sha256').update(body).digest('hex'),
      status: 200,
      function: 'hello',
    });
    expect(seen.headers).toMatchObject({
      host: `127.0.0.1:${emulator.port}`,
      'x-amz-log-type': 'Tail',
      authorization: expect.stringMatching(/^AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE\//),
    });
    expect(seen.startedAtMs).toBeGreaterThanOrEqual(before);
    expect(seen.endedAtMs).toBeGreaterThanOrEqual(seen.startedAtMs);
  });

  it('shows refused calls too, with what is known of them', async () => {
    const path = invocations('hello');
    await exchange(emulator.port, { path, body: 'x'.repeat(7_000_000) });
    await exchange(emulator.port, { path: '/2015-03-31/functions/hello/invokations' });
    expect(await look()).toMatchObject([
      { path, bodyBytes: 7_000_000, status: 403, function: null },
      { path: '/2015-03-31/functions/hello/invokations', bodyBytes: 0, status: 403, function: null },
    ]);
  });

  it('shows the newest last and at most 10,000', async () => {
    for (let sent = 0; sent < 10_002; sent += 6) {
      await Promise.all([0, 1, 2, 3, 4, 5].map((i) => exchange(emulator.port, { path: `/${sent + i}` })));
    }
    await exchange(emulator.port, { path: '/last' });
    const seen = await look();
    expect(seen).toHaveLength(10_000);
    expect(seen.at(-1).path).toBe('/last');
  });
});
