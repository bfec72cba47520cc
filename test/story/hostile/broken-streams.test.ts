import { expect, it, onTestFinished } from 'vitest';
import { invokePath } from '../../support/postern.ts';
import { sendRaw } from '../../support/raw-client.ts';
import { startWorld } from './world.ts';

it('A10: an answer that breaks off at Lambda leaves its own line, and nothing on standard error', {
  timeout: 60_000,
}, async () => {
  const world = await startWorld();
  onTestFinished(() => world.stop());
  const { id, apiKey } = await world.makeTenant();
  const headers = { 'x-api-key': apiKey, 'content-type': 'application/json' };
  const streamPath = (name: string) => `/2021-11-15/functions/${name}/response-streaming-invocations`;
  const before = world.serve.errors();
  const faults = ['fault-gzip-garbage', 'fault-stream-garbage', 'fault-stream-huge-frame'];
  for (const path of [...faults.map(streamPath), ...faults.map((name) => invokePath(name))]) {
    await expect(sendRaw(world.gateway, path, { headers, body: '{}', timeoutMs: 10_000 }), path).rejects.toThrow();
  }
  await expect.poll(() => world.callLines(id).filter(({ brokenOff }) => brokenOff).length).toBe(2 * faults.length);
  // What the workerd wrote about a request, it wrote before it could serve this one.
  expect((await sendRaw(world.gateway, invokePath('hello'), { headers, body: '{}' })).status).toBe(200);
  expect(world.serve.errors().slice(before.length)).toBe('');
});
