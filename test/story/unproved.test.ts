import { connect } from 'node:net';
import { describe, expect, it } from 'vitest';
import { admin, invokePath, makeTenant, send, takeCalls } from '../support/postern.ts';
import { forgeCall, type KeyPair, type SignedCall, signCall } from '../support/sign.ts';
import { usePostern } from '../support/use-postern.ts';

const postern = usePostern();

const host = () => new URL(postern.gateway).host;
const answer = async ({ path, ...call }: Parameters<typeof send>[2] & { path: string }) => {
  const { status, headers, body } = await send(postern.gateway, path, call);
  return { status, reason: headers['x-postern-refusal'], text: body.toString() };
};
const reasonOf = async (call: Parameters<typeof answer>[0]) => (await answer(call)).reason;
const forge = (call: SignedCall, keyId = postern.demo.accessKeyId) => forgeCall(host(), keyId, call);
const sign = (call: SignedCall, pair: KeyPair = postern.demo) => signCall(host(), pair, call);
const echo = invokePath('echo');

/** A tenant with a key pair. */
async function makeSigner(allow: readonly object[], more: object = {}): Promise<KeyPair & { id: string }> {
  const { id } = await makeTenant(postern, allow, more);
  const { body } = await admin<KeyPair>(postern, 'POST', `/tenants/${id}/keys`, {});
  return { ...body, id };
}

/** Sends bytes as they are. @returns the head of the answer. */
const sendRaw = (bytes: string): Promise<string> => {
  const { hostname, port } = new URL(postern.gateway);
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  const socket = connect(Number(port), hostname, () => socket.write(bytes));
  let text = '';
  socket.on('data', (data: Buffer) => {
    text += data.toString('latin1');
    if (text.includes('\r\n\r\n')) socket.end();
  });
  socket.on('error', reject);
  socket.on('close', () => resolve(text));
  return promise;
};

describe('A6: what is too large is refused before it is parsed or hashed', () => {
  const names = (count: number) => Array.from({ length: count }, (_, n) => `x-${n}`);
  const forged = (signedHeaders: string) => forge({ path: echo, signedHeaders });
  const bearer = (text: string) => ({ path: echo, headers: { authorization: `Bearer ${text}` } });

  it.each([
    ['an Authorization of nothing we know', 'credentials-too-long', () => bearer('x'.repeat(17_000))],
    ['a token', 'credentials-too-long', () => bearer(`eyJ${'a'.repeat(17_000)}.eyJ9.a`)],
    ['a key', 'credentials-too-long', () => ({ path: echo, headers: { 'x-api-key': 'postern_'.repeat(200) } })],
    ['a signature', 'credentials-too-long', () => forged(['host', ...names(2_000)].join(';'))],
    ['a list of signed headers', 'signature-too-large', () => forged(['host', ...names(64)].join(';'))],
    ['the name of a signed header', 'signature-too-large', () => forged(`host;${'x'.repeat(129)}`)],
    ['a signed header', 'signature-too-large', () => forge({ path: echo, headers: { 'x-list': 'a, '.repeat(6_000) } })],
    [
      'a presigned list of signed headers',
      'signature-too-large',
      () => forge({ path: echo, expiresSeconds: 60, signedHeaders: ['host', ...names(64)].join(';') }),
    ],
    ['a date', 'signature-incomplete', () => ({ ...forged('host'), headers: dated(forged('host').headers) })],
    ['a query', 'uri-too-long', () => ({ path: `${echo}?a=${'b'.repeat(16_384)}` })],
    ['a number of parameters', 'parameters-too-many', () => ({ path: `${echo}?${names(65).join('&')}` })],
    [
      'a number of headers',
      'headers-too-many',
      () => ({ path: echo, headers: Object.fromEntries(names(257).map((name) => [name, ''])) }),
    ],
    ['a path', 'uri-too-long', () => ({ path: invokePath('f'.repeat(1_024)) })],
  ] as [string, string, () => Parameters<typeof answer>[0]][])('%s: %s', async (_, reason, call) => {
    expect(await reasonOf(call())).toBe(reason);
    expect(await takeCalls(postern.lambda)).toEqual([]);
  });
  const dated = (headers: object) => ({ ...headers, 'x-amz-date': '2'.repeat(65) });

  it('takes all that an honest caller may send', async () => {
    const headers = Object.fromEntries(names(60).map((name) => [name, 'v'.repeat(120)]));
    expect((await answer(sign({ path: echo, headers, body: '{}' }))).status).toBe(200);
    const context = Buffer.from(JSON.stringify({ custom: { k: 'ü?>'.repeat(630) } })).toString('base64');
    expect(context.length).toBeGreaterThan(3_300);
    const query = [['X-Amz-Client-Context', context]] as const;
    expect((await answer(sign({ path: echo, query, body: '{}', expiresSeconds: 60 }))).status).toBe(200);
  });

  it('says nothing of a long preflight back', async () => {
    const headers = { origin: `https://${'a'.repeat(600)}.example`, 'access-control-request-method': 'POST' };
    expect(await reasonOf({ path: echo, method: 'OPTIONS', headers })).toBe('method-not-allowed');
  });
});

describe('B6: a key id without its secret tells nothing of its tenant', () => {
  it('by the size, the function, the region, the address, the arguments or the state of the tenant', async () => {
    const allow = [{ function: 'echo', maxPayloadBytes: 100 }];
    const policy = { allow, publish: { shown: 'arn:aws:lambda:us-east-1:123456789012:function:echo' } };
    const tenant = await makeSigner(allow, { policy, limits: { maxPayloadBytes: 200 } });
    const call = (name: string, bytes: number, more: Partial<SignedCall> = {}): SignedCall => ({
      path: invokePath(name),
      body: `"${'x'.repeat(bytes - 2)}"`,
      ...more,
    });
    // The tenant is known to the isolate by now.
    expect((await answer(sign(call('echo', 10), tenant))).status).toBe(200);
    const calls: [string, SignedCall][] = [
      ['payload-too-large', call('echo', 150)],
      ['payload-too-large', call('echo', 250)],
      ['payload-too-large', call('echo', 1_000_000)],
      ['payload-too-large', call('shown', 150)],
      ['function-not-allowed', call('hello', 10)],
      ['signature-scope', call('echo', 10, { region: 'eu-west-3' })],
      ['function-name', call('echo!', 10)],
      ['origin-not-allowed', call('echo', 10, { headers: { origin: 'https://page.example' } })],
    ];
    for (const [reason, signed] of calls) {
      expect([reason, await reasonOf(forge(signed, tenant.accessKeyId))]).toEqual([reason, 'signature-mismatch']);
      expect(await reasonOf(sign(signed, tenant))).toBe(reason);
    }
    await admin(postern, 'PATCH', `/tenants/${tenant.id}`, { policy: { ipAllow: ['203.0.113.0/24'] } });
    expect(await reasonOf(forge(call('echo', 10), tenant.accessKeyId))).toBe('signature-mismatch');
    expect(await reasonOf(sign(call('echo', 10), tenant))).toBe('address-not-allowed');
    await admin(postern, 'PATCH', `/tenants/${tenant.id}`, { status: 'suspended' });
    expect(await reasonOf(forge(call('echo', 10), tenant.accessKeyId))).toBe('signature-mismatch');
    expect(await reasonOf(sign(call('echo', 10), tenant))).toBe('tenant-suspended');
    await admin(postern, 'DELETE', `/tenants/${tenant.id}/keys/${tenant.accessKeyId}`);
    expect(await reasonOf(forge(call('echo', 10), tenant.accessKeyId))).toBe('signature-mismatch');
    expect(await reasonOf(sign(call('echo', 10), tenant))).toBe('key-revoked');
  });

  it('but the limit of the operation holds for everybody', async () => {
    const path = '/2014-11-13/functions/echo/invoke-async/';
    expect(await reasonOf(forge({ path, body: 'x'.repeat(262_145) }))).toBe('payload-too-large');
  });
});

describe('B9: no request makes an error of ours', () => {
  it.each(['a b;host', 'host;x:y', 'host;', 'host;\u00e9', 'host;host', 'host;[;x-amz-date'])(
    'signed headers called %j are incomplete',
    async (signedHeaders) => {
      for (const call of [
        forge({ path: echo, signedHeaders }),
        forge({ path: echo, signedHeaders, expiresSeconds: 60 }),
      ]) {
        const headers = Object.entries(call.headers).map(([name, value]) => `${name}: ${value}`);
        const head = await sendRaw(
          `POST ${call.path} HTTP/1.1\r\n${headers.join('\r\n')}\r\ncontent-length: 0\r\n\r\n`,
        );
        expect(head).toMatch(/^HTTP\/1\.1 403 .*x-postern-refusal: signature-incomplete/is);
      }
    },
  );

  it('nor does any of 200 odd credentials', async () => {
    const odd = [
      '',
      ' ',
      ',',
      ';',
      '=',
      '/',
      '%',
      '\u00ff',
      '__proto__',
      'host',
      'AWS4-HMAC-SHA256',
      '1e999',
      '.',
      'eyJ',
    ];
    const bad: string[] = [];
    let seed = 12;
    const next = () => {
      seed = (seed * 1_103_515_245 + 12_345) % 2_147_483_648;
      return odd[seed % odd.length] ?? '';
    };
    for (let n = 0; n < 200; n++) {
      const part = () => next() + next() + next();
      const authorization =
        n % 2 === 0
          ? `AWS4-HMAC-SHA256 Credential=${part()}/20261124/us-east-1/lambda/aws4_request, SignedHeaders=host;${part()}, Signature=${part()}`
          : `Bearer ${part()}.${part()}.${part()}`;
      const query = n % 3 === 0 ? `?X-Amz-Algorithm=${part()}&${part()}` : `?${part()}`;
      const target = encodeURI(`${echo}${query}`);
      const head = await sendRaw(
        `POST ${target} HTTP/1.1\r\nhost: ${host()}\r\nauthorization: ${authorization}\r\nx-amz-date: ${part()}\r\ncontent-length: 0\r\n\r\n`,
      );
      if (!/^HTTP\/1\.1 40[03]/.test(head)) bad.push(`${authorization} ${target} ${head.slice(0, 60)}`);
    }
    expect(bad).toEqual([]);
    expect(postern.log()).not.toContain('"level":"error"');
  });
});
