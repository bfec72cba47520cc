import { describe, expect, it } from 'vitest';
import { refuse, refuseLimit } from '../../../src/core/refusal.ts';
import { decideEarly } from '../../../src/gateway/steps/decide-call.ts';
import { chargeMistake } from '../../../src/gateway/steps/load-tenant.ts';
import { readPayload } from '../../../src/gateway/steps/read-payload.ts';
import { reserveCall } from '../../../src/gateway/steps/reserve-call.ts';
import { signCall } from '../../support/sign.ts';
import {
  apiKey,
  callOf,
  gatewayOf,
  HOST,
  identified,
  keyPair,
  known,
  must,
  NOW_MS,
  PATH,
  reasonOf,
  type Sent,
  tenantOf,
} from './world.ts';

async function reserving(given: Parameters<typeof tenantOf>[0], sent?: Sent) {
  const { handle, asked } = tenantOf(given);
  const gateway = gatewayOf(handle);
  const { call, identified: caller } = identified(gateway, sent);
  const bodied = must(await readPayload(gateway, call, must(decideEarly(gateway, call, caller))));
  asked.length = 0;
  const reserved = await reserveCall(gateway, call, bodied);
  return { reserved, outcome: [reasonOf(reserved), asked] };
}
const tooMany = refuseLimit('rate', 1_000);

describe('reserveCall', () => {
  it('reserves a permitted call', async () => {
    const { reserved, outcome } = await reserving({});
    expect(outcome).toEqual([undefined, [['reserves', 2]]]);
    expect(must(reserved).permit).toMatchObject({ target: { name: 'orders' }, invocationType: 'RequestResponse' });
  });

  it('fails closed while the tenant is not known', async () => {
    expect((await reserving({ peeks: [undefined] })).outcome).toEqual(['state-unavailable', []]);
  });

  it('decides on a tenant that was not known when the call came', async () => {
    const { outcome } = await reserving({ peeks: [undefined, known({ policy: { allow: [] } })], loads: known() });
    expect(outcome).toEqual(['function-not-allowed', []]);
  });

  it('asks for the tenant of a signed caller, and its lease, now that it is proved', async () => {
    const sent = signCall(HOST, keyPair, {
      path: PATH,
      headers: { 'content-type': 'application/json' },
      body: '{}',
      atMs: NOW_MS,
    });
    const { outcome } = await reserving({ peeks: [undefined, known()], loads: known() }, sent);
    expect(outcome).toEqual([
      undefined,
      [
        ['loads', 2],
        ['reserves', 2],
      ],
    ]);
  });

  it('charges a mistake to the rate', async () => {
    const sent = { headers: { 'x-api-key': apiKey, 'x-amz-log-type': 'nonsense' } };
    const late = { peeks: [undefined, known()], loads: known() };
    expect((await reserving(late, sent)).outcome).toEqual(['log-type', ['charges']]);
    expect((await reserving({ ...late, charged: tooMany }, sent)).outcome).toEqual(['limit-rate', ['charges']]);
  });

  it('checks no payload of a caller above its limits', async () => {
    const { outcome } = await reserving({ reserves: tooMany }, { body: 'not JSON' });
    expect(outcome).toEqual(['limit-rate', [['reserves', 8]]]);
  });

  it.each([
    ['payload-not-json', 'not JSON', 'application/json'],
    ['content-type', '{}', 'text/plain'],
  ])('gives the place back of a mistake: %s', async (reason, body, type) => {
    const { outcome } = await reserving({}, { body, headers: { 'x-api-key': apiKey, 'content-type': type } });
    expect(outcome).toEqual([reason, [['reserves', body.length], 'cancels']]);
  });

  it('decides again after it has waited for its place', async () => {
    const suspended = known({ status: 'suspended' });
    const { outcome } = await reserving({ peeks: [known(), known(), suspended] });
    expect(outcome).toEqual(['tenant-suspended', [['reserves', 2], 'cancels']]);
  });
});

describe('chargeMistake', () => {
  it('charges what the caller did wrong, and not what it may not do', async () => {
    const { handle, asked } = tenantOf({ charged: tooMany });
    const { call } = callOf();
    expect((await chargeMistake(handle, call, refuse('tenant-suspended', 't'))).reason).toBe('tenant-suspended');
    expect(asked).toEqual([]);
    expect((await chargeMistake(handle, call, refuse('query-malformed'))).reason).toBe('limit-rate');
    expect(asked).toEqual(['charges']);
  });

  it('keeps no caller waiting that has left', async () => {
    const leaving = new AbortController();
    const { call } = callOf({ signal: leaving.signal });
    const { handle } = tenantOf({ charged: Promise.withResolvers<undefined>().promise });
    const charging = chargeMistake(handle, call, refuse('query-malformed'));
    leaving.abort();
    expect((await charging).reason).toBe('query-malformed');
  });
});
