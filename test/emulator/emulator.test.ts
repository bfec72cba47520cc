import { connect } from 'node:net';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { type Emulator, type EmulatorOptions, startEmulator } from '../../src/emulator/start.ts';
import { makeFolder } from './folder.ts';
import { call, credentials, exchange, invocations, sign } from './wire.ts';

let started: Emulator[] = [];
afterEach(async () => {
  await Promise.all(started.map((emulator) => emulator.close()));
  started = [];
});

async function start(options: Partial<EmulatorOptions> = {}): Promise<Emulator> {
  const emulator = await startEmulator({ port: 0, credentials, ...options });
  started.push(emulator);
  return emulator;
}

const slow = { path: invocations('slow'), body: '{"ms":600000}' };

describe('an emulator', () => {
  it('says where it listens', async () => {
    const { url, port } = await start();
    expect(url).toBe(`http://127.0.0.1:${port}`);
  });

  it('does not start on a port that is taken', async () => {
    const { port } = await start();
    await expect(start({ port })).rejects.toMatchObject({ code: 'EADDRINUSE' });
  });

  it('does not start on a folder that does not exist', async () => {
    await expect(start({ functionsDir: '/no/such/folder' })).rejects.toThrow(
      'The functions folder does not exist: /no/such/folder',
    );
  });

  it('ends at once, with calls running and callers connected', async () => {
    const emulator = await start();
    const left = expect(call(emulator.port, slow)).rejects.toThrow();
    connect(emulator.port, '127.0.0.1').on('error', () => {});
    await vi.waitFor(async () => expect(await calls(emulator)).toHaveLength(1));
    await emulator.close();
    await left;
    await expect(exchange(emulator.port, { path: '/' })).rejects.toMatchObject({ code: 'ECONNREFUSED' });
  });

  it('answers for the account that it is given', async () => {
    const emulator = await start({ accountId: '210987654321' });
    const reply = await call(emulator.port, { path: invocations('210987654321:function:echo') });
    expect(JSON.parse(reply.text).context.invokedFunctionArn).toContain(':210987654321:');
  });

  it('runs no more at a time than its limit, and refuses the next', async () => {
    const emulator = await start({ maxConcurrency: 2 });
    const running = [call(emulator.port, slow), call(emulator.port, slow)].map((one) => one.catch(() => {}));
    const isFull = async () => {
      const seen = await calls(emulator);
      return seen.length === 2 && seen.every((one) => one.function === 'slow');
    };
    await vi.waitFor(async () => expect(await isFull()).toBe(true));
    const reply = await call(emulator.port, { path: invocations('hello') });
    expect(reply.status).toBe(429);
    expect(reply.text).toBe('{"Reason":"ConcurrentInvocationLimitExceeded","Type":"User","message":"Rate Exceeded."}');
    await emulator.close();
    await Promise.all(running);
  });

  it('lets events wait until there is room', async () => {
    const lines: string[] = [];
    const emulator = await start({ maxConcurrency: 1, log: (line) => lines.push(line) });
    const headers = { 'x-amz-invocation-type': 'Event' };
    const sent = { path: invocations('slow'), body: '{"ms":20}', headers };
    const statuses = await Promise.all([1, 2, 3, 4].map(async () => (await call(emulator.port, sent)).status));
    expect(statuses).toEqual([202, 202, 202, 202]);
    await vi.waitFor(() => expect(lines.filter((line) => line.startsWith('REPORT'))).toHaveLength(4));
    const order = lines.flatMap((line) => /^(START|REPORT)/.exec(line)?.[1] ?? []);
    expect(order).toEqual(Array.from({ length: 4 }, () => ['START', 'REPORT']).flat());
  });

  it('makes room for another function by ending an idle environment', async () => {
    const emulator = await start({ maxConcurrency: 1 });
    for (const name of ['hello', 'identity', 'hello']) {
      expect((await call(emulator.port, { path: invocations(name) })).status).toBe(200);
    }
  });

  it('keeps a full heap inside its environment', async () => {
    const folder = makeFolder();
    folder.write(
      'heap.mjs',
      'export const handler = async () => { for (let a = []; ; ) a.push(new Array(1e6).fill(a)); };',
    );
    const emulator = await start({ functionsDir: folder.path });
    const reply = await call(emulator.port, { path: invocations('heap') });
    expect(JSON.parse(reply.text).errorMessage).toMatch(/ Error: Runtime exited with error: signal: killed$/);
    expect((await call(emulator.port, { path: invocations('hello') })).status).toBe(200);
    folder.remove('.');
  });

  it('takes 64 calls of 6 MB at once', async () => {
    const emulator = await start({ maxConcurrency: 64 });
    const sent = { path: invocations('slow'), body: JSON.stringify({ ms: 0, padding: 'x'.repeat(6_000_000) }) };
    const signed = await sign(emulator.port, sent);
    const statuses = await Promise.all(
      Array.from({ length: 64 }, async () => (await exchange(emulator.port, signed)).status),
    );
    expect(new Set(statuses)).toEqual(new Set([200]));
    expect(await calls(emulator)).toHaveLength(64);
  });

  it('closes the connection of a caller that sends without end', async () => {
    const emulator = await start();
    const signed = await sign(emulator.port, { path: invocations('hello'), body: Buffer.alloc(105_000_000) });
    await expect(
      exchange(emulator.port, signed).then(({ status, header }) => [status, header('Connection')]),
    ).resolves.toEqual([403, 'close']);
  });
});

async function calls(emulator: Emulator): Promise<{ function: string | null }[]> {
  return JSON.parse((await exchange(emulator.port, { method: 'GET', path: '/_calls' })).text);
}
