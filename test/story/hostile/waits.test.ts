import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { exportJWK, generateKeyPair, SignJWT } from 'jose';
import { expect, it, onTestFinished } from 'vitest';
import { invokePath, send } from '../../support/postern.ts';
import { openRaw } from '../../support/raw-client.ts';
import { startWorld } from './world.ts';

it("A3: a caller that leaves while its issuer's keys are fetched is not waited for, and the next one is served", {
  timeout: 60_000,
}, async () => {
  const { publicKey, privateKey } = await generateKeyPair('ES256');
  const jwk = { ...(await exportJWK(publicKey)), kid: 'k', alg: 'ES256' };
  const { promise: answers, resolve: answer } = Promise.withResolvers<void>();
  let asked = 0;
  const issuer = createServer(async (request, response) => {
    asked += 1;
    await answers;
    const url = `http://${request.headers.host}`;
    const document = request.url === '/jwks' ? { keys: [jwk] } : { issuer: url, jwks_uri: `${url}/jwks` };
    response.setHeader('content-type', 'application/json').end(JSON.stringify(document));
  });
  await new Promise<void>((listening) => issuer.listen(0, '127.0.0.1', listening));
  onTestFinished(() => void issuer.close());
  const url = `http://127.0.0.1:${(issuer.address() as AddressInfo).port}`;
  const world = await startWorld({ args: ['--local-issuers'] });
  onTestFinished(() => world.stop());
  const { id } = await world.makeTenant({}, { issuers: [{ issuer: url, claims: { sub: ['build'] } }] });
  const mint = (expires: string) =>
    new SignJWT({ iss: url, aud: `postern:${id}`, sub: 'build' })
      .setProtectedHeader({ alg: 'ES256', kid: 'k' })
      .setExpirationTime(expires)
      .sign(privateKey);
  const headers = { authorization: `Bearer ${await mint('60s')}`, 'content-type': 'application/json' };

  const caller = await openRaw(world.gateway);
  caller.writeHead('POST', invokePath('hello'), Object.entries({ ...headers, 'content-length': '2' }));
  caller.socket.write('{}');
  await expect.poll(() => asked).toBe(1);
  caller.reset();
  await expect.poll(() => world.callLines(id).map(({ refusal }) => refusal)).toEqual(['caller-left']);
  answer();
  expect((await send(world.gateway, invokePath('hello'), { headers, body: '{}' })).status).toBe(200);
  expect(asked).toBe(2);
});
