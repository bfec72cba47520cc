import { createHash, createHmac } from 'node:crypto';
import { expect, it, onTestFinished } from 'vitest';
import { invokePath } from '../../support/postern.ts';
import { openRaw, sendRaw } from '../../support/raw-client.ts';
import { startWorld } from './world.ts';

it('A1: who names the key id of another, from all addresses of one /64, does not delay its signed calls', async () => {
  const world = await startWorld({ args: ['--client-ip-header', 'X-Caller'] });
  onTestFinished(() => world.stop());
  const { id, accessKeyId, secretAccessKey } = await world.makeTenant();
  const { host } = new URL(world.gateway);
  const path = invokePath('hello');
  const longDate = new Date().toISOString().replace(/[-:]|\.\d{3}/g, '');
  const scope = `${longDate.slice(0, 8)}/us-east-1/lambda/aws4_request`;
  const head = { 'content-type': 'application/json', 'x-amz-date': longDate };
  const authorize = (signature: string) =>
    `AWS4-HMAC-SHA256 Credential=${accessKeyId}/${scope}, SignedHeaders=host;x-amz-date, Signature=${signature}`;

  const forgers = await Promise.all(Array.from({ length: 20 }, () => openRaw(world.gateway)));
  const fields = { ...head, authorization: authorize('0'.repeat(64)), 'content-length': '6291456' };
  for (const [index, { socket, writeHead }] of forgers.entries()) {
    writeHead('POST', path, Object.entries({ ...fields, 'x-caller': `2001:db8:0:1::${index}` }));
    socket.write(Buffer.alloc(100_000, ' '));
  }
  // Fast enough not to count as slow.
  const drip = setInterval(() => {
    for (const { socket } of forgers) socket.write(Buffer.alloc(40_000, ' '));
  }, 200);
  onTestFinished(() => {
    clearInterval(drip);
    for (const forger of forgers) forger.reset();
  });
  await new Promise((waited) => setTimeout(waited, 1_500));

  const body = JSON.stringify('x'.repeat(1_000_000));
  const sha256 = (text: string) => createHash('sha256').update(text).digest('hex');
  const canonical = `POST\n${path}\n\nhost:${host}\nx-amz-date:${longDate}\n\nhost;x-amz-date\n${sha256(body)}`;
  const key = scope
    .split('/')
    .reduce<string | Buffer>(
      (made, part) => createHmac('sha256', made).update(part).digest(),
      `AWS4${secretAccessKey}`,
    );
  const signature = createHmac('sha256', key)
    .update(`AWS4-HMAC-SHA256\n${longDate}\n${scope}\n${sha256(canonical)}`)
    .digest('hex');
  const headers = { ...head, 'x-caller': '2001:db8:0:2::1', authorization: authorize(signature) };
  for (let call = 0; call < 3; call++) {
    expect((await sendRaw(world.gateway, path, { headers, body, timeoutMs: 30_000 })).status).toBe(200);
  }
  // The line of a call that waited for memory says how long.
  const served = () => world.callLines(id).filter(({ status }) => status === 200);
  await expect.poll(() => served().length).toBe(3);
  for (const line of served()) expect(line).not.toHaveProperty('waitedMs');
});
