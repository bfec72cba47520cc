import { describe, expect, it } from 'vitest';
import { decideEarly } from '../../../src/gateway/steps/decide-call.ts';
import { proveSignature, readPayload } from '../../../src/gateway/steps/read-payload.ts';
import { forgeCall, signCall } from '../../support/sign.ts';
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

async function reading(sent?: Sent, given: Parameters<typeof tenantOf>[0] = {}) {
  const { handle, asked } = tenantOf(given);
  const gateway = gatewayOf(handle);
  const { call, identified: caller } = identified(gateway, sent);
  const decided = must(decideEarly(gateway, call, caller));
  asked.length = 0;
  return { call, asked, decided, bodied: await readPayload(gateway, call, decided) };
}

describe('readPayload', () => {
  it('reads the body once, and writes its length down', async () => {
    const { call, bodied } = await reading({ body: '{"a":1}' });
    expect(new TextDecoder().decode(must(bodied).body.bytes)).toBe('{"a":1}');
    expect(call.record.bytesIn).toBe(7);
  });

  it('refuses a body that is longer than its room, and one that does not come whole', async () => {
    const small = { peeks: [known({ limits: { maxPayloadBytes: 3 } })] };
    expect(reasonOf((await reading({ body: '{"a":1}', isChunked: true }, small)).bodied)).toBe('payload-too-large');
    const short = await reading({ headers: { 'x-api-key': apiKey, 'content-length': '9' } });
    expect([reasonOf(short.bodied), short.call.record.bytesIn]).toEqual(['payload-incomplete', undefined]);
  });
});

describe('proveSignature', () => {
  const call = { path: PATH, headers: { 'content-type': 'application/json' }, body: '{}', atMs: NOW_MS };
  const proving = async (sent: Sent, given?: Parameters<typeof tenantOf>[0]) => {
    const { call: one, asked, bodied } = await reading(sent, given);
    const refusal = await proveSignature(one, must(bodied));
    return { reason: refusal?.reason, proved: one.proved, asked };
  };

  it('proves a caller by its body, and then has its tenant refreshed', async () => {
    const proved = await proving(signCall(HOST, keyPair, call));
    expect(proved).toEqual({ reason: undefined, proved: true, asked: [['prefetches', undefined]] });
  });

  it('asks nothing ahead of a tenant that is not known: it is asked next, with a lease', async () => {
    const proved = await proving(signCall(HOST, keyPair, call), { peeks: [undefined], loads: known() });
    expect(proved).toEqual({ reason: undefined, proved: true, asked: [] });
  });

  it('refuses a forged signature, and another body', async () => {
    const refused = { reason: 'signature-mismatch', proved: false, asked: [] };
    expect(await proving(forgeCall(HOST, keyId, call))).toEqual(refused);
    expect(await proving({ ...signCall(HOST, keyPair, call), body: '[]' })).toEqual(refused);
  });

  it('fails closed for a caller that nothing can prove', async () => {
    const { call: one, bodied } = await reading();
    one.proved = false;
    expect((await proveSignature(one, must(bodied)))?.reason).toBe('internal');
    expect(one.proved).toBe(false);
  });
});
