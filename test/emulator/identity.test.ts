import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Emulator, startEmulator } from '../../src/emulator/start.ts';
import { call, credentials, exchange, invocations, type Sent, sign } from './wire.ts';

const nowMs = Date.parse('2026-11-23T12:00:00.500Z');
const now = new Date(nowMs);
const sessionToken = 'FwoGZXIvYXdzEJr//////////wEaDA==';
let plain: Emulator;
let session: Emulator;

beforeAll(async () => {
  plain = await startEmulator({ port: 0, credentials, now: () => nowMs });
  session = await startEmulator({ port: 0, credentials: { ...credentials, sessionToken }, now: () => nowMs });
});
afterAll(() => Promise.all([plain.close(), session.close()]));

const hello: Sent = { path: invocations('hello'), body: '{}' };
const signed = (sent: Sent = hello) => sign(plain.port, sent, { date: now });
const mismatch =
  'The request signature we calculated does not match the signature you provided. Check your AWS Secret Access Key ' +
  'and signing method. Consult the service documentation for details.';

/** Sends a well-signed request with some headers put in place of its own; undefined takes one away. */
async function altered(changes: Record<string, string | undefined>, sent: Sent = hello) {
  const { headers = {} } = await signed(sent);
  const kept = Object.entries({ ...headers, ...changes }).flatMap(([k, v]) => (v === undefined ? [] : [[k, v]]));
  return exchange(plain.port, { ...sent, headers: Object.fromEntries(kept) });
}

async function authorization(): Promise<string> {
  return (await signed()).headers?.authorization ?? '';
}

describe('a call that proves who it is', () => {
  it.each([
    ['a name', hello],
    ['an ARN, percent-encoded', { path: invocations('arn:aws:lambda:us-east-1:123456789012:function:hello:live') }],
    ['an ARN with bare colons', { path: '/2015-03-31/functions/hello:live/invocations' }],
    ['a qualifier with an escape', { path: `${invocations('hello')}?Qualifier=%24LATEST` }],
    ['a query in no order', { path: `${invocations('hello')}?b=2&a=%20x&Qualifier=1&a-b=` }],
    ['a header with spaces', { path: invocations('hello'), headers: { 'x-amz-tenant-id': '  a   b ' } }],
  ])('is served when it names %s', async (_, sent) => {
    expect((await call(plain.port, sent, { date: now })).status).toBe(200);
  });

  it('is served when a header that it did not sign changes on the way', async () => {
    expect((await altered({ 'x-amzn-trace-id': 'Root=1-00000000-000000000000000000000000' })).status).toBe(200);
  });

  it.each([-299, 0, 300])('is served %i seconds off the clock', async (seconds) => {
    const date = new Date(nowMs + seconds * 1000);
    expect((await call(plain.port, hello, { date })).status).toBe(200);
  });

  it('is served in the region that it was signed for', async () => {
    const reply = await call(plain.port, { path: invocations('echo') }, { date: now, region: 'eu-central-1' });
    expect(JSON.parse(reply.text).context.invokedFunctionArn).toContain(':eu-central-1:');
  });

  it('is served with the right session token', async () => {
    const keys = { ...credentials, sessionToken };
    expect((await call(session.port, hello, { date: now, credentials: keys })).status).toBe(200);
  });
});

describe('a call that fails to prove who it is', () => {
  const refusals: [fault: string, type: string, message: string | RegExp, send: () => ReturnType<typeof altered>][] = [
    [
      'no signature',
      'MissingAuthenticationTokenException',
      'Missing Authentication Token',
      () => exchange(plain.port, hello),
    ],
    [
      'a bearer token',
      'MissingAuthenticationTokenException',
      'Missing Authentication Token',
      () => altered({ authorization: 'Bearer abc' }),
    ],
    [
      'another algorithm',
      'IncompleteSignatureException',
      "Unsupported AWS 'algorithm': 'AWS4-HMAC-SHA512' (only AWS4-HMAC-SHA256 for now). ",
      () => altered({ authorization: 'AWS4-HMAC-SHA512 Credential=a' }),
    ],
    [
      'a part without equal-sign',
      'IncompleteSignatureException',
      "'oops' not a valid key=value pair (missing equal-sign) in Authorization header: 'AWS4-HMAC-SHA256 Credential=a, oops'.",
      () => altered({ authorization: 'AWS4-HMAC-SHA256 Credential=a, oops' }),
    ],
    [
      'every part missing',
      'IncompleteSignatureException',
      "Authorization header requires 'Credential' parameter. Authorization header requires 'Signature' parameter. " +
        "Authorization header requires 'SignedHeaders' parameter. Authorization header requires existence of either a " +
        "'X-Amz-Date' or a 'Date' header. Authorization=AWS4-HMAC-SHA256 a=b",
      () => altered({ authorization: 'AWS4-HMAC-SHA256 a=b', 'x-amz-date': undefined }),
    ],
    [
      'one part missing',
      'IncompleteSignatureException',
      "Authorization header requires 'Signature' parameter. Authorization=AWS4-HMAC-SHA256 Credential=a,SignedHeaders=host",
      () => altered({ authorization: 'AWS4-HMAC-SHA256 Credential=a,SignedHeaders=host' }),
    ],
    [
      'an unsigned host',
      'InvalidSignatureException',
      "'Host' must be a 'SignedHeader' in the AWS Authorization.",
      () => altered({ authorization: 'AWS4-HMAC-SHA256 Credential=a, SignedHeaders=x-amz-date, Signature=b' }),
    ],
    [
      'a date in no basic format',
      'IncompleteSignatureException',
      "Date must be in ISO-8601 'basic format'. Got '201'. See http://en.wikipedia.org/wiki/ISO_8601",
      () => altered({ 'x-amz-date': '201' }),
    ],
    [
      'a date gone by',
      'InvalidSignatureException',
      'Signature expired: 20261123T115459Z is now earlier than 20261123T115500Z (20261123T120000Z - 5 min.)',
      () => call(plain.port, hello, { date: new Date(nowMs - 301_000) }),
    ],
    [
      'a date to come',
      'InvalidSignatureException',
      'Signature not yet current: 20261123T120501Z is still later than 20261123T120500Z (20261123T120000Z + 5 min.)',
      () => call(plain.port, hello, { date: new Date(nowMs + 301_000) }),
    ],
    [
      'a credential of four parts',
      'IncompleteSignatureException',
      "Credential must have exactly 5 slash-delimited elements, e.g. keyid/date/region/service/term, got 'a/b/c/d'",
      () => altered({ authorization: 'AWS4-HMAC-SHA256 Credential=a/b/c/d, SignedHeaders=host, Signature=b' }),
    ],
    [
      'a scope with nothing right',
      'InvalidSignatureException',
      "Credential should be scoped to a valid region. Credential should be scoped to correct service: 'lambda'. " +
        "Credential should be scoped with a valid terminator: 'aws4_request', not 'e'. Date in Credential scope does " +
        "not match YYYYMMDD from ISO-8601 version of date from HTTP: 'b' != '20261123', from '20261123T120000Z'.",
      () => altered({ authorization: 'AWS4-HMAC-SHA256 Credential=a/b/c/d/e, SignedHeaders=host, Signature=b' }),
    ],
    [
      'another service',
      'InvalidSignatureException',
      "Credential should be scoped to correct service: 'lambda'. ",
      () => call(plain.port, hello, { date: now, service: 's3' }),
    ],
    [
      'a session token where none is due',
      'UnrecognizedClientException',
      'The security token included in the request is invalid',
      () => call(plain.port, hello, { date: now, credentials: { ...credentials, sessionToken } }),
    ],
    [
      'no session token where one is due',
      'UnrecognizedClientException',
      'The security token included in the request is invalid',
      () => call(session.port, hello, { date: now }),
    ],
    [
      'another session token',
      'UnrecognizedClientException',
      'The security token included in the request is invalid',
      () => call(session.port, hello, { date: now, credentials: { ...credentials, sessionToken: 'other' } }),
    ],
    [
      'an unknown key',
      'UnrecognizedClientException',
      'The security token included in the request is invalid.',
      () => call(plain.port, hello, { date: now, credentials: { ...credentials, accessKeyId: 'AKIDOTHER' } }),
    ],
    [
      'another secret',
      'InvalidSignatureException',
      mismatch,
      () => call(plain.port, hello, { date: now, credentials: { ...credentials, secretAccessKey: 'other' } }),
    ],
    [
      'another body',
      'InvalidSignatureException',
      mismatch,
      async () => exchange(plain.port, { ...(await signed()), body: '[]' }),
    ],
    [
      'another path',
      'InvalidSignatureException',
      mismatch,
      async () => exchange(plain.port, { ...(await signed()), path: invocations('echo') }),
    ],
    [
      'another query',
      'InvalidSignatureException',
      mismatch,
      async () => exchange(plain.port, { ...(await signed()), path: `${hello.path}?Qualifier=1` }),
    ],
    [
      'another value of a signed header',
      'InvalidSignatureException',
      mismatch,
      () => altered({ 'x-amz-tenant-id': 'b' }, { ...hello, headers: { 'x-amz-tenant-id': 'a' } }),
    ],
    [
      'a signature cut short',
      'InvalidSignatureException',
      mismatch,
      async () => altered({ authorization: (await authorization()).slice(0, -2) }),
    ],
    [
      'a hash of the body that is signed but wrong',
      'InvalidSignatureException',
      mismatch,
      () => call(plain.port, { ...hello, headers: { 'x-amz-content-sha256': 'UNSIGNED-PAYLOAD' } }, { date: now }),
    ],
  ];

  it.each(refusals)('is refused for %s', async (_, type, message, send) => {
    const reply = await send();
    expect(reply.status).toBe(403);
    expect(reply.header('x-amzn-ErrorType')).toBe(type);
    expect(reply.header('Content-Type')).toBe('application/json');
    expect(reply.text).toBe(JSON.stringify({ message }));
  });

  it('answers a wrong signature with the 192 bytes of the service', async () => {
    expect(
      (await call(plain.port, hello, { date: now, credentials: { ...credentials, secretAccessKey: 'x' } })).header(
        'Content-Length',
      ),
    ).toBe('192');
  });

  it('is refused before its arguments are looked at', async () => {
    const reply = await exchange(plain.port, { path: invocations('not a name!'), body: 'no json' });
    expect(reply.header('x-amzn-ErrorType')).toBe('MissingAuthenticationTokenException');
  });
});
