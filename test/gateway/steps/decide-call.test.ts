import { describe, expect, it } from 'vitest';
import { refuse, refuseLimit } from '../../../src/core/refusal.ts';
import { Decider, decideEarly } from '../../../src/gateway/steps/decide-call.ts';
import { signCall } from '../../support/sign.ts';
import {
  apiKey,
  gatewayOf,
  HOST,
  identified,
  keyId,
  keyPair,
  known,
  must,
  NOW_MS,
  PATH,
  reasonOf,
  type Sent,
  tenantOf,
} from './world.ts';

const ORIGIN = 'https://app.example';
const signed = (): Sent =>
  signCall(HOST, keyPair, { path: PATH, headers: { 'content-type': 'application/json' }, body: '{}', atMs: NOW_MS });

function deciding(given: Parameters<typeof tenantOf>[0], sent?: Sent) {
  const { handle, asked } = tenantOf(given);
  const gateway = gatewayOf(handle);
  const { call, identified: caller } = identified(gateway, sent);
  return { call, asked, decided: decideEarly(gateway, call, caller) };
}

describe('decideEarly', () => {
  it('asks ahead for the lease that an allowed call will need, and narrows its room', () => {
    const { asked, decided } = deciding({ peeks: [known({ limits: { maxPayloadBytes: 100 } })] });
    expect(must(decided)).toMatchObject({ loading: undefined, room: { maxBytes: 100, limit: { of: 'tenant' } } });
    expect(asked).toEqual([['prefetches', 2]]);
  });

  it('asks for no lease for a call that is refused', () => {
    const { asked, decided } = deciding({ peeks: [known({ policy: { allow: [] } })] });
    expect([reasonOf(decided), asked]).toEqual(['function-not-allowed', [['prefetches', undefined]]]);
  });

  it('refuses by the last denial, and a payload that can never fit for that', () => {
    const denial = refuseLimit('day-requests', 1_000);
    expect(reasonOf(deciding({ denial }).decided)).toBe('limit-day-requests');
    const small = known({ limits: { maxPayloadBytes: 1 } });
    expect(reasonOf(deciding({ peeks: [small], denial }).decided)).toBe('payload-too-large');
  });

  it('asks for a tenant that is not known, and its first lease, while the body comes', async () => {
    const { asked, decided, call } = deciding({ peeks: [undefined], loads: known() });
    expect(await must(decided).loading).toMatchObject({ exists: true });
    expect([asked, call.record.function]).toEqual([[['loads', 2]], undefined]);
  });

  it('decides nothing for a caller that is not proved, asks its tenant nothing, and writes nothing down', () => {
    const refused = known({ policy: { allow: [] } });
    const { asked, decided, call } = deciding({ peeks: [refused] }, signed());
    expect(must(decided).room.maxBytes).toBe(6_291_456);
    expect([asked, call.isLive, call.record.function]).toEqual([[], false, undefined]);
    expect(deciding({ peeks: [undefined] }, signed()).asked).toEqual([]);
  });
});

describe('Decider', () => {
  const decider = (sent?: Sent) => {
    let nowMs = NOW_MS;
    const gateway = gatewayOf(tenantOf({}).handle, { now: () => nowMs });
    const { call, identified: caller } = identified(gateway, sent);
    const passTime = (ms: number) => {
      nowMs += ms;
    };
    return { call, passTime, decider: new Decider(gateway, call, caller) };
  };
  const arn = 'arn:aws:lambda:eu-west-1:999999999999:function:theirs';

  it.each([
    ['a live caller', known(), { function: 'orders', type: 'RequestResponse', target: 'orders' }],
    [
      'a function elsewhere',
      known({ policy: { allow: [{ function: arn }], publish: { orders: arn } } }),
      { target: arn },
    ],
    ['no rule about it', known({ policy: { allow: [] } }), { function: 'orders', target: undefined }],
    ['a suspended tenant', known({ status: 'suspended' }), { function: undefined, target: undefined }],
  ])('writes into the record what was decided: %s', (_, tenant, record) => {
    const { call, decider: one } = decider();
    expect(call.record.function).toBeUndefined();
    one.decide(tenant);
    expect({ function: call.record.function, target: call.record.target, ...call.record }).toMatchObject(record);
    expect(call.isLive).toBe(tenant.status === 'active');
  });

  it('lets a page read the answer once its tenant has allowed it', () => {
    const sent = { headers: { 'x-api-key': apiKey, origin: ORIGIN } };
    const allowed = decider(sent);
    must(allowed.decider.decide(known({ policy: { allow: [{ function: '*' }], corsOrigins: [ORIGIN] } })));
    expect(allowed.call.corsOrigin).toBe(ORIGIN);
    const refused = decider(sent);
    expect(reasonOf(refused.decider.decide(known()))).toBe('origin-not-allowed');
    expect(refused.call.corsOrigin).toBeUndefined();
  });

  it('decides once for each tenant that it sees, and anew when the tenant has changed', () => {
    const { decider: one } = decider();
    let checked = 0;
    const isAddressAllowed = () => {
      checked += 1;
      return true;
    };
    const first = { ...known(), isAddressAllowed };
    for (let n = 0; n < 3; n++) must(one.decide(first));
    expect(checked).toBe(1);
    must(one.decide({ ...first }));
    expect(checked).toBe(2);
    expect(reasonOf(one.decide(known({ status: 'suspended' })))).toBe('tenant-suspended');
    expect(reasonOf(one.decide({ exists: false }))).toBe('key-unknown');
  });

  it('sees a key expire, though its tenant is the same', () => {
    const { decider: one, passTime } = decider();
    const tenant = known({ keys: { [keyId]: NOW_MS + 1_000 } });
    must(one.decide(tenant));
    passTime(1_000);
    expect(reasonOf(one.decide(tenant))).toBe('key-expired');
  });

  it('holds the body to the room, and fails closed for a tenant that is not known', () => {
    const { decider: one } = decider();
    const tenant = known({ limits: { maxPayloadBytes: 10 } });
    must(one.decideWithBody(tenant, 10));
    expect(reasonOf(one.decideWithBody(tenant, 11))).toBe('payload-too-large');
    expect(reasonOf(one.decideWithBody(undefined, 0))).toBe(refuse('state-unavailable').reason);
  });
});
