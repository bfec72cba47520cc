import { createHash } from 'node:crypto';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect, it } from 'vitest';
import { parseArguments } from '../../src/core/invoke/arguments.ts';
import { authorize } from '../../src/core/policy/authorize.ts';
import { compilePolicy } from '../../src/core/policy/policy.ts';
import { createSender } from '../../src/upstream/send.ts';

it('gives up on a Lambda that does not answer in time, having asked once, and says that the function may have run', async () => {
  let received = 0;
  const server = createServer(() => {
    received++;
  });
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
  const { port } = server.address() as AddressInfo;
  const call = parseArguments({
    operation: 'Invoke',
    rawFunctionName: 'f',
    query: new Map(),
    header: () => undefined,
    maxFunctionNameLength: 170,
  });
  if (!call.ok) throw new Error(call.error.message);
  const home = { account: '123456789012', region: 'us-east-1' };
  const policy = compilePolicy({ allow: [{ function: 'f' }] });
  const permit = authorize({ policy, tenant: 't', home, call: call.value });
  if (!permit.ok) throw new Error(permit.error.message);

  const credentials = { accessKeyId: 'AKIDEXAMPLE', secretAccessKey: 'secret' };
  const send = createSender({ credentials, endpoint: `http://127.0.0.1:${port}`, timeoutMs: 300 });
  const bytes = new TextEncoder().encode('{}');
  const sent = await send(permit.value, { bytes, sha256: createHash('sha256').update(bytes).digest('hex') });
  expect(sent).toMatchObject({ ok: false, error: { reason: 'upstream-timeout' } });
  expect(received).toBe(1);
  server.closeAllConnections();
  server.close();
});
