import { describe, expect, it } from 'vitest';
import { admin, invokePath, makeTenant, send, startPostern, takeCalls } from '../support/postern.ts';
import { usePostern } from '../support/use-postern.ts';

const postern = usePostern();

const json = { 'content-type': 'application/json' };
const callWith = async (headers: Record<string, string>, path = invokePath('echo')) => {
  const {
    status,
    headers: answered,
    body,
  } = await send(postern.gateway, path, {
    headers: { ...json, ...headers },
    body: '{}',
  });
  return {
    status,
    type: answered['x-amzn-errortype'],
    reason: answered['x-postern-refusal'],
    message: (() => {
      const parsed = status < 300 ? {} : JSON.parse(body.toString());
      return parsed.message ?? parsed.Message;
    })(),
  };
};
const outcome = async (apiKey: string, path?: string) => {
  const { status, reason } = await callWith({ 'x-api-key': apiKey }, path);
  return reason ?? status;
};
/** Polls until the outcome is this, for no longer than a revocation may take. */
const becomes = (apiKey: string, expected: string | number) =>
  expect.poll(() => outcome(apiKey), { timeout: 5_000, interval: 200 }).toBe(expected);

describe('a caller', () => {
  it('without a key is refused in the words of the service', async () => {
    expect(await callWith({})).toEqual({
      status: 403,
      type: 'MissingAuthenticationTokenException',
      reason: 'no-credentials',
      message: 'Missing Authentication Token',
    });
  });

  it('with something that is not a key is refused', async () => {
    for (const [headers, reason] of [
      [{ 'x-api-key': 'something' }, 'key-malformed'],
      [{ authorization: 'Basic dXNlcjpwYXNz' }, 'key-malformed'],
      [{ authorization: 'Bearer' }, 'key-malformed'],
      [{ authorization: 'AWS4-HMAC-SHA256 Credential=AKIA/x' }, 'signature-incomplete'],
      [{ 'x-api-key': postern.demo.apiKey, authorization: `Bearer ${postern.demo.apiKey}` }, 'credentials-ambiguous'],
    ] as [Record<string, string>, string][]) {
      expect((await callWith(headers)).reason).toBe(reason);
    }
    expect(await takeCalls(postern.lambda)).toEqual([]);
  });

  it('with any one character of the key changed is refused', async () => {
    const { apiKey } = postern.demo;
    for (let at = 0; at < apiKey.length; at += 7) {
      const changed = apiKey.slice(0, at) + (apiKey[at] === 'a' ? 'b' : 'a') + apiKey.slice(at + 1);
      expect(['key-malformed', 'key-mistyped']).toContain(await outcome(changed));
    }
    expect(await takeCalls(postern.lambda)).toEqual([]);
  });

  it('of a gateway with another root key is refused without a lookup', async () => {
    const other = await startPostern();
    try {
      expect(await outcome(other.demo.apiKey)).toBe('key-unknown');
    } finally {
      await other.stop();
    }
  });

  it('reaches what its own tenant may, and not what another may', async () => {
    const orders = await makeTenant(postern, [{ function: 'echo' }]);
    const billing = await makeTenant(postern, [{ function: 'hello' }]);
    expect(await outcome(orders.apiKey)).toBe(200);
    expect(await callWith({ 'x-api-key': billing.apiKey })).toEqual({
      status: 403,
      type: 'AccessDeniedException',
      reason: 'function-not-allowed',
      message: `User: ${billing.id} is not authorized to perform: lambda:InvokeFunction on resource: echo because no identity-based policy allows the lambda:InvokeFunction action`,
    });
  });

  it("never reaches a stranger's account or another region, under the widest rule", async () => {
    for (const allow of [[{ function: 'echo' }], [{ function: '*' }]]) {
      const { apiKey } = await makeTenant(postern, allow);
      expect(await outcome(apiKey, invokePath('echo'))).toBe(200);
      for (const name of [
        'arn:aws:lambda:us-east-1:999999999999:function:echo',
        '999999999999:echo',
        'arn:aws:lambda:eu-west-1:123456789012:function:echo',
      ]) {
        expect(await outcome(apiKey, invokePath(name))).toBe('function-not-allowed');
      }
    }
    for (const { path } of await takeCalls(postern.lambda)) expect(path).toContain('us-east-1%3A123456789012');
  });

  it('is held to the qualifiers, types and log tail of its rule', async () => {
    const { apiKey } = await makeTenant(postern, [{ function: 'echo', qualifiers: ['live'], types: ['Event'] }]);
    expect(await outcome(apiKey, invokePath('echo'))).toBe('qualifier-not-allowed');
    expect(await outcome(apiKey, invokePath('echo:live'))).toBe('type-not-allowed');
    const event = { 'x-api-key': apiKey, 'x-amz-invocation-type': 'Event' };
    expect((await callWith({ ...event, 'x-amz-log-type': 'Tail' }, invokePath('echo:live'))).reason).toBe(
      'log-tail-not-allowed',
    );
    expect((await callWith({ ...event, 'x-amz-tenant-id': 'a' }, invokePath('echo:live'))).reason).toBe(
      'tenant-id-not-allowed',
    );
    expect((await callWith(event, invokePath('echo:live'))).status).toBe(202);
  });

  it("is sent to its tenant's region, with its tenant's id", async () => {
    const upstream = { upstream: { region: 'eu-west-1', tenantId: 'acme' } };
    const { apiKey } = await makeTenant(postern, [{ function: '*', tenantId: 'caller' }], upstream);
    const answer = await send(postern.gateway, invokePath('echo'), {
      headers: { ...json, 'x-api-key': apiKey, 'x-amz-tenant-id': 'mine' },
      body: '{}',
    });
    expect(JSON.parse(answer.body.toString()).context).toMatchObject({
      invokedFunctionArn: 'arn:aws:lambda:eu-west-1:123456789012:function:echo',
      tenantId: 'acme',
    });
  });
});

describe('an operator', () => {
  it('revokes a key, and it is refused within 5 seconds; others go on', async () => {
    const { id, keyId, apiKey } = await makeTenant(postern, [{ function: 'echo' }]);
    const second = await admin<{ apiKey: string }>(postern, 'POST', `/tenants/${id}/keys`, {});
    await becomes(apiKey, 200);
    await admin(postern, 'DELETE', `/tenants/${id}/keys/${keyId}`);
    await becomes(apiKey, 'key-revoked');
    await becomes(second.body.apiKey, 200);
  });

  it('suspends a tenant and takes it back', async () => {
    const { id, apiKey } = await makeTenant(postern, [{ function: 'echo' }]);
    await becomes(apiKey, 200);
    await admin(postern, 'PATCH', `/tenants/${id}`, { status: 'suspended' });
    await becomes(apiKey, 'tenant-suspended');
    await admin(postern, 'PATCH', `/tenants/${id}`, { status: 'active' });
    await becomes(apiKey, 200);
  });

  it('narrows a policy, and deletes a tenant', async () => {
    const { id, apiKey } = await makeTenant(postern, [{ function: 'echo' }]);
    await becomes(apiKey, 200);
    await admin(postern, 'PATCH', `/tenants/${id}`, { policy: { allow: [{ function: 'hello' }] } });
    await becomes(apiKey, 'function-not-allowed');
    await admin(postern, 'DELETE', `/tenants/${id}`);
    await becomes(apiKey, 'key-unknown');
  });

  it('gives a key an end, after which it is refused', async () => {
    const { id } = await makeTenant(postern, [{ function: 'echo' }]);
    const expiresAt = new Date(Date.now() + 1_500).toISOString();
    const { body } = await admin<{ apiKey: string }>(postern, 'POST', `/tenants/${id}/keys`, { expiresAt });
    expect(await outcome(body.apiKey)).toBe(200);
    await becomes(body.apiKey, 'key-expired');
    expect(await callWith({ 'x-api-key': body.apiKey })).toMatchObject({ status: 403, type: 'ExpiredTokenException' });
  });
});

describe('the log', () => {
  it('holds no key and no secret', async () => {
    const { apiKey } = postern.demo;
    await callWith({ 'x-api-key': apiKey });
    await callWith({ authorization: `Bearer ${apiKey}` }, `/nowhere?key=${apiKey}`);
    expect(postern.log()).toContain('200');
    for (const secret of [apiKey, postern.adminToken, postern.demo.secretAccessKey]) {
      expect(postern.log()).not.toContain(secret);
    }
  });
});
