import { describe, expect, it } from 'vitest';
import { admin } from './client.ts';

const policy = {
  allow: [
    { function: 'orders-*', qualifiers: ['live'], maxPayloadBytes: 1_000 },
    { function: 'bills', logTail: true, clientContext: false },
    { function: 'arn:aws:lambda:eu-west-1:999999999999:function:shared' },
  ],
  deny: [{ function: 'orders-secret*' }, { function: 'bills', types: ['DryRun'] }],
  publish: { orders: 'orders-prod:live', shared: 'arn:aws:lambda:eu-west-1:999999999999:function:shared:3' },
  ipAllow: ['203.0.113.0/24'],
};

describe('explain', () => {
  it.each([
    [{ function: 'orders-1:live' }, null, { list: 'allow', index: 0 }],
    [{ function: 'orders-1' }, 'qualifier-not-allowed', { list: 'allow', index: 0 }],
    [
      { function: 'orders-1', qualifier: 'live', payloadBytes: 1_001 },
      'payload-too-large',
      { list: 'allow', index: 0 },
    ],
    [{ function: 'orders-secrets:live' }, 'function-denied', { list: 'deny', index: 0 }],
    [{ function: 'bills', logType: 'Tail' }, null, { list: 'allow', index: 1 }],
    [{ function: 'bills', clientContext: true }, 'client-context-not-allowed', { list: 'allow', index: 1 }],
    [{ function: 'bills', type: 'DryRun' }, 'function-denied', { list: 'deny', index: 1 }],
    [{ function: 'orders' }, null, { list: 'allow', index: 0 }],
    [{ function: 'orders:beta' }, 'qualifier-mismatch', null],
    [{ function: 'shared' }, null, { list: 'allow', index: 2 }],
    [{ function: 'elsewhere' }, 'function-not-allowed', null],
    [{ function: 'bills', ip: '203.0.113.9' }, null, { list: 'allow', index: 1 }],
    [{ function: 'bills', ip: '198.51.100.1' }, 'address-not-allowed', null],
    [{ function: 'a b' }, 'function-name', null],
  ])('says of %j: %s', async (call, reason, rule) => {
    const { id } = (await admin('POST', '/tenants', { name: 'explained', policy })).body;
    const { status, body } = await admin('POST', `/tenants/${id}/explain`, call);
    expect(status).toBe(200);
    expect([body.allowed, body.reason, body.rule]).toEqual([reason === null, reason, rule]);
    if (reason !== null) expect(body.message).not.toBe('');
  });

  it('names the function that would be called, and why a suspended tenant may not', async () => {
    const { id } = (await admin('POST', '/tenants', { name: 'explained', policy })).body;
    const call = { function: 'shared' };
    expect((await admin('POST', `/tenants/${id}/explain`, call)).body.target).toBe(
      'arn:aws:lambda:eu-west-1:999999999999:function:shared:3',
    );
    await admin('PATCH', `/tenants/${id}`, { status: 'suspended' });
    expect((await admin('POST', `/tenants/${id}/explain`, call)).body).toMatchObject({
      allowed: false,
      reason: 'tenant-suspended',
    });
  });

  it('names a field that it does not know', async () => {
    const { id } = (await admin('POST', '/tenants', { name: 'explained', policy })).body;
    const { status, body } = await admin('POST', `/tenants/${id}/explain`, { function: 'a', when: 'now' });
    expect([status, body.errors[0].pointer]).toEqual([400, '#/when']);
  });
});
