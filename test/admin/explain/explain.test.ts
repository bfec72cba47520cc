import { env } from 'cloudflare:workers';
import { describe, expect, it } from 'vitest';
import { admin } from '../client.ts';

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

  it('warns of a GitHub repository that is trusted by its name alone, whatever the call', async () => {
    const issuer = 'https://token.actions.githubusercontent.com';
    const explainWith = async (claims: object, call: object) => {
      const document = { name: 'explained', policy, issuers: [{ issuer, claims }] };
      const { id } = (await admin('POST', '/tenants', document)).body;
      return (await admin('POST', `/tenants/${id}/explain`, call)).body.warnings;
    };
    const byName = { sub: ['repo:acme/orders:*'] };
    const warning = expect.stringMatching(/^#\/issuers\/0\/claims .*'repository_id'/);
    expect(await explainWith(byName, { function: 'bills' })).toEqual([warning]);
    expect(await explainWith(byName, { function: 'elsewhere' })).toEqual([warning]);
    expect(await explainWith({ ...byName, repository_id: ['123456789'] }, { function: 'bills' })).toEqual([]);
  });

  it('names a field that it does not know', async () => {
    const { id } = (await admin('POST', '/tenants', { name: 'explained', policy })).body;
    const { status, body } = await admin('POST', `/tenants/${id}/explain`, { function: 'a', when: 'now' });
    expect([status, body.errors[0].pointer]).toEqual([400, '#/when']);
  });

  it('C5: is refused for its tenant, not by a rule, while that one is suspended', async () => {
    const { id } = (await admin('POST', '/tenants', { name: 'explained', policy, status: 'suspended' })).body;
    for (const name of ['bills', 'orders', 'elsewhere', 'orders-secrets:live']) {
      const { body } = await admin('POST', `/tenants/${id}/explain`, { function: name });
      expect([name, body.allowed, body.reason, body.rule, body.target]).toEqual([
        name,
        false,
        'tenant-suspended',
        null,
        null,
      ]);
    }
  });

  it('C5: names the addresses that may call, if the request names none', async () => {
    const { id } = (await admin('POST', '/tenants', { name: 'explained', policy })).body;
    const unsaid = (await admin('POST', `/tenants/${id}/explain`, { function: 'bills' })).body;
    expect(unsaid.allowed).toBe(true);
    expect(unsaid.conditions).toContain('provided that it comes from 203.0.113.0/24');
    const said = (await admin('POST', `/tenants/${id}/explain`, { function: 'bills', ip: '203.0.113.9' })).body;
    expect(said.conditions.join()).not.toContain('203.0.113');
  });

  it.each([
    ['request', { quotas: [{ period: 'month', requests: 1 }] }, 'limit-month-requests'],
    ['byte', { quotas: [{ period: 'day', payloadBytes: 100 }] }, 'limit-day-bytes'],
    ['token of the rate', { rate: { perSecond: 0.001, burst: 1 } }, 'limit-rate'],
  ])('C5: sees that the last %s is used up, as the gateway does', async (_, limits, reason) => {
    const { id } = (
      await admin('POST', '/tenants', { name: 'limited', limits, policy: { allow: [{ function: 'f' }] } })
    ).body;
    const call = { function: 'f', payloadBytes: 100 };
    expect((await admin('POST', `/tenants/${id}/explain`, call)).body).toMatchObject({ allowed: true });
    const stub = env.TENANT.get(env.TENANT.idFromName(id));
    const ask = {
      holder: 'isolate',
      seq: 1,
      reports: [],
      batches: [],
      keepSlots: 0,
      inFlight: 0,
      arrived: 1,
      wanted: { calls: 1, bytes: 100, slots: 0 },
      waiting: { calls: 1, bytes: 100 },
    };
    const { ledger } = await stub.ask(ask, 0);
    expect(ledger?.lease?.calls).toBe(1);
    await stub.ask({ ...ask, seq: 2, reports: [{ id: 1, calls: 1, bytes: 100, final: true }] }, 0);
    // A mistake is charged to the rate, where there is one.
    const mistaken = await admin('POST', `/tenants/${id}/explain`, { ...call, function: 'a b' });
    expect(mistaken.body.reason).toBe(reason === 'limit-rate' ? reason : 'function-name');
    const before = await admin('GET', `/tenants/${id}/usage`);
    for (const _time of [1, 2]) {
      const { body } = await admin('POST', `/tenants/${id}/explain`, call);
      expect([body.allowed, body.reason, body.rule]).toEqual([false, reason, null]);
    }
    // To ask takes nothing of what is limited.
    expect((await admin('GET', `/tenants/${id}/usage`)).body.limits[0].remaining).toBeCloseTo(
      before.body.limits[0].remaining,
      1,
    );
  });

  it('C5: decides on key, page, presigned life and the own largest payload of an operation, too', async () => {
    const more = { corsOrigins: ['https://app.example.com'], maxPresignedSeconds: 60 };
    const { id } = (await admin('POST', '/tenants', { name: 'all', policy: { allow: [{ function: 'f' }], ...more } }))
      .body;
    const key = (await admin('POST', `/tenants/${id}/keys`, {})).body.id;
    const other = (await admin('POST', '/tenants', { name: 'other' })).body.id;
    const otherKey = (await admin('POST', `/tenants/${other}/keys`, {})).body.id;
    const revoked = (await admin('POST', `/tenants/${id}/keys`, {})).body.id;
    await admin('DELETE', `/tenants/${id}/keys/${revoked}`);
    const replaced = (await admin('POST', `/tenants/${id}/keys`, {})).body.id;
    await admin('POST', `/tenants/${id}/keys/${replaced}/rotate`, { graceSeconds: 0 });
    for (const [call, reason] of [
      [{ keyId: key }, null],
      [{ keyId: revoked }, 'key-revoked'],
      [{ keyId: replaced }, 'key-expired'],
      [{ keyId: otherKey }, 'key-unknown'],
      [{ keyId: 'AKIDEXAMPLE' }, 'key-unknown'],
      [{ origin: 'https://app.example.com' }, null],
      [{ origin: 'https://evil.example' }, 'origin-not-allowed'],
      [{ presignedSeconds: 60 }, null],
      [{ presignedSeconds: 61 }, 'presigned-too-long'],
      [{ type: 'Event', payloadBytes: 1_048_577 }, 'payload-too-large'],
      // In the gateway's order: the operation's own room before the arguments, and the key before both.
      [{ function: 'a b', payloadBytes: 6_291_457 }, 'payload-too-large'],
      [{ keyId: otherKey, payloadBytes: 6_291_457 }, 'key-unknown'],
      [{ function: '\ud800' }, 'function-name'],
    ] as const) {
      const { body } = await admin('POST', `/tenants/${id}/explain`, { function: 'f', ...call });
      expect([call, body.reason]).toEqual([call, reason]);
    }
  });
});
