import { describe, expect, it } from 'vitest';
import { refuse } from '../../../src/core/refusal.ts';
import { keyCrypto } from '../../../src/edge/key-crypto.ts';
import { identifyCaller, proveToken } from '../../../src/gateway/steps/identify-caller.ts';
import { receive } from '../../../src/gateway/steps/receive.ts';
import { forgeCall, signCall } from '../../support/sign.ts';
import {
  apiKey,
  callOf,
  gatewayOf,
  HOST,
  keyId,
  keyPair,
  known,
  must,
  NOW_MS,
  PATH,
  reasonOf,
  tenantId,
  tenantOf,
} from './world.ts';

const ISSUER = 'https://issuer.example';
const signed = { path: PATH, headers: { 'content-type': 'application/json' }, body: '{}', atMs: NOW_MS };

function identifying(sent: Parameters<typeof callOf>[0]) {
  const { handle, asked } = tenantOf({});
  const gateway = gatewayOf(handle);
  const { call } = callOf(sent);
  return { call, asked, result: identifyCaller(gateway, call, must(receive(call.request, gateway.settings))) };
}

describe('identifyCaller', () => {
  it('proves a key, asks nothing of its tenant, and writes both down', () => {
    const { call, asked, result } = identifying({});
    expect(must(result)).toMatchObject({ caller: { tenantId }, finishProof: undefined });
    expect([call.proved, call.record.tenant, call.record.key, asked]).toEqual([true, tenantId, keyId, []]);
  });

  it('does not prove a signed caller yet', () => {
    const { call, result } = identifying(signCall(HOST, keyPair, signed));
    expect(must(result).finishProof).toBeTypeOf('function');
    expect([call.proved, call.record.key]).toEqual([false, keyId]);
  });

  it('refuses a forged signature before the body, where it declares the hash', () => {
    const headers = { ...signed.headers, 'x-amz-content-sha256': keyCrypto.sha256Hex('{}') };
    const { call, result } = identifying(forgeCall(HOST, keyId, { ...signed, headers }));
    expect([reasonOf(result), call.proved, call.request.bodyUsed]).toEqual(['signature-mismatch', false, false]);
  });

  it.each([
    ['no-credentials', { headers: {} }],
    ['key-malformed', { headers: { 'x-api-key': 'nonsense' } }],
  ])('refuses %s, and names no tenant', (reason, sent) => {
    const { call, result } = identifying(sent);
    expect([reasonOf(result), call.proved, call.record.tenant]).toEqual([reason, false, undefined]);
  });

  it('refuses a declared length that no call may have, for a caller by name', () => {
    const { call, result } = identifying({ headers: { 'x-api-key': apiKey, 'content-length': '6291457' } });
    expect([reasonOf(result), call.record.tenant]).toEqual(['payload-too-large', tenantId]);
  });
});

describe('proveToken', () => {
  const token = {
    text: 'a.b.c',
    tenantId,
    claims: { issuer: ISSUER, expiresAtMs: NOW_MS + 60_000, all: { sub: 'ci' } },
  };
  const proving = async (given: Parameters<typeof tenantOf>[0], left = false) => {
    const leaving = new AbortController();
    const { handle } = tenantOf(given);
    const { call } = callOf({ signal: leaving.signal });
    call.left();
    let fetched = 0;
    const issuerKeys = {
      find: async () => {
        fetched += 1;
        if (left) leaving.abort();
        return 'unavailable' as const;
      },
    };
    const refusal = await proveToken(gatewayOf(handle, { issuerKeys }), call, handle, token);
    expect([call.proved, call.record.issuer]).toEqual([false, undefined]);
    return [refusal?.reason, fetched];
  };
  const trusting = known({ issuers: [{ issuer: ISSUER, claims: { sub: ['*'] } }] });

  it('asks for keys of an issuer that the tenant names, and of no other', async () => {
    expect(await proving({ peeks: [trusting] })).toEqual(['issuer-unavailable', 1]);
    expect(await proving({ peeks: [known()] })).toEqual(['token-not-accepted', 0]);
    expect(await proving({ peeks: [{ exists: false }] })).toEqual(['token-not-accepted', 0]);
  });

  it('waits for a tenant that is not known, and fails closed', async () => {
    expect(await proving({ peeks: [undefined], loads: trusting })).toEqual(['issuer-unavailable', 1]);
    expect(await proving({ peeks: [undefined] })).toEqual(['state-unavailable', 0]);
  });

  it('says that the caller left, and not that its issuer is down', async () => {
    expect(await proving({ peeks: [trusting] }, true)).toEqual([refuse('caller-left').reason, 1]);
  });
});
