import { Sha256 } from '@aws-crypto/sha256-js';
import { SignatureV4 } from '@smithy/signature-v4';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Emulator, startEmulator } from '../../src/emulator/start.ts';
import { credentials, exchange, invocations, type Sent } from './wire.ts';

const nowMs = Date.parse('2026-11-23T12:00:00Z');
const sessionToken = 'FwoGZXIvYXdzEJr//////////wEaDA==';
let emulator: Emulator;
let session: Emulator;
beforeAll(async () => {
  emulator = await startEmulator({ port: 0, credentials, now: () => nowMs });
  session = await startEmulator({ port: 0, credentials: { ...credentials, sessionToken }, now: () => nowMs });
});
afterAll(() => Promise.all([emulator.close(), session.close()]));

/** Presigns a call of `hello` at a time before now; `query` is put over what was signed, undefined takes away. */
async function presigned(
  { agoSeconds = 0, expiresIn = 900, keys = credentials as typeof credentials & { sessionToken?: string } } = {},
  query: Record<string, string | undefined> = {},
): Promise<Sent> {
  const signer = new SignatureV4({ credentials: keys, region: 'us-east-1', service: 'lambda', sha256: Sha256 });
  const headers = { 'x-amz-invocation-type': 'RequestResponse' };
  const body = '{"name":"Ada"}';
  const path = invocations('hello');
  const signed = await signer.presign(
    {
      method: 'POST',
      protocol: 'http:',
      hostname: '127.0.0.1',
      path,
      query: { Qualifier: '$LATEST' },
      headers: { host: 'lambda.test', ...headers },
      body,
    },
    { signingDate: new Date(nowMs - agoSeconds * 1000), expiresIn, unhoistableHeaders: new Set(Object.keys(headers)) },
  );
  const all = Object.entries({ ...signed.query, ...query }).flatMap(([name, value]) =>
    typeof value === 'string' ? [`${encodeURIComponent(name)}=${encodeURIComponent(value)}`] : [],
  );
  return { path: `${path}?${all.join('&')}`, headers: { host: 'lambda.test', ...headers }, body };
}

describe('a presigned call', () => {
  it.each([
    ['just signed', {}],
    ['near its end', { agoSeconds: 899 }],
    ['a week long', { agoSeconds: 604_799, expiresIn: 604_800 }],
  ])('is served when it is %s', async (_, options) => {
    const reply = await exchange(emulator.port, await presigned(options));
    expect([reply.status, reply.text]).toEqual([200, '{"message":"Hello, Ada!"}']);
  });

  it('is served with the right session token, and with no other', async () => {
    const token = async (value: string) => {
      const keys = { ...credentials, sessionToken: value };
      return (await exchange(session.port, await presigned({ keys }))).status;
    };
    expect([await token(sessionToken), await token('other')]).toEqual([200, 403]);
  });

  const mismatch =
    /^The request signature we calculated does not match the signature you provided\. .*documentation for details\.$/;
  const refusals: [what: string, type: string, message: RegExp | string, sent: () => Promise<Sent>][] = [
    [
      'lacks everything',
      'IncompleteSignatureException',
      "AWS query-string parameters must include 'X-Amz-Credential'. AWS query-string parameters must include " +
        "'X-Amz-Signature'. AWS query-string parameters must include 'X-Amz-SignedHeaders'. AWS query-string " +
        "parameters must include 'X-Amz-Date'. Re-examine the query-string parameters.",
      async () => ({ path: `${invocations('hello')}?X-Amz-Algorithm=AWS4-HMAC-SHA256` }),
    ],
    [
      'lacks its signature',
      'IncompleteSignatureException',
      "AWS query-string parameters must include 'X-Amz-Signature'. Re-examine the query-string parameters.",
      () => presigned({}, { 'X-Amz-Signature': undefined }),
    ],
    [
      'names another algorithm',
      'IncompleteSignatureException',
      "Unsupported AWS 'algorithm': 'AWS3' (only AWS4-HMAC-SHA256 for now). ",
      () => presigned({}, { 'X-Amz-Algorithm': 'AWS3' }),
    ],
    [
      'is signed in its header too',
      'InvalidSignatureException',
      "Found both 'X-Amz-Algorithm' as a query-string param and 'Authorization' as HTTP header.",
      async () => {
        const sent = await presigned();
        return { ...sent, headers: { ...sent.headers, authorization: 'AWS4-HMAC-SHA256 Credential=a' } };
      },
    ],
    [
      'has run out',
      'InvalidSignatureException',
      'Signature expired: 20261123T114459Z is now earlier than 20261123T114500Z (20261123T120000Z - 15 min.)',
      () => presigned({ agoSeconds: 901 }),
    ],
    [
      'wants to hold for more than a week',
      'IncompleteSignatureException',
      /X-Amz-Expires/,
      () => presigned({}, { 'X-Amz-Expires': '604801' }),
    ],
    [
      'holds for longer than was signed',
      'InvalidSignatureException',
      mismatch,
      () => presigned({}, { 'X-Amz-Expires': '901' }),
    ],
    [
      'names another version than was signed',
      'InvalidSignatureException',
      mismatch,
      () => presigned({}, { Qualifier: '1' }),
    ],
    ['has another body', 'InvalidSignatureException', mismatch, async () => ({ ...(await presigned()), body: '{}' })],
  ];
  it.each(refusals)('is refused when it %s', async (_, type, message, sent) => {
    const reply = await exchange(emulator.port, await sent());
    expect([reply.status, reply.header('x-amzn-ErrorType')]).toEqual([403, type]);
    expect(JSON.parse(reply.text)).toEqual({
      message: typeof message === 'string' ? message : expect.stringMatching(message),
    });
  });
});
