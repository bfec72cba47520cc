import { createHash } from 'node:crypto';
import { Sha256 } from '@aws-crypto/sha256-js';
import { SignatureV4 } from '@smithy/signature-v4';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseQuery } from '../../src/core/query.ts';
import { writeAmzDate } from '../../src/core/signature/amz-date.ts';
import { parseClaim } from '../../src/core/signature/claim.ts';
import { keyCrypto } from '../../src/edge/key-crypto.ts';
import { beginProof } from '../../src/gateway/verify-signature.ts';

const sha256 = (body: string) => createHash('sha256').update(body).digest('hex');

/** A request as it would stand on the wire. */
interface Wire {
  readonly method: string;
  readonly path: string;
  readonly query: string;
  readonly headers: readonly (readonly [string, string])[];
  readonly body: string;
}

const utf8 = new TextEncoder();

/** Begins to prove a request as the gateway does; or the reason of the refusal. */
function begin({ method, path, query: rawQuery, headers: pairs }: Wire, secret: string) {
  const headers = new Headers(pairs.map(([name, value]) => [name, value]));
  const query = parseQuery(rawQuery);
  if (!query) return 'query-malformed';
  const claim = parseClaim({
    authorization: headers.get('authorization') ?? undefined,
    query,
    header: (name) => headers.get(name) ?? undefined,
  });
  if (!claim.ok) return claim.error.reason;
  const head = { claim: claim.value, method, rawPath: path, query, headers, clientAcceptEncoding: undefined };
  const begun = beginProof(head, () => secret, keyCrypto);
  return begun.ok ? begun.value : begun.error.reason;
}

/** Proves a request with its body; the reason of the refusal, or `proved`. */
function prove(wire: Wire, secret: string) {
  const finish = begin(wire, secret);
  if (typeof finish === 'string') return finish;
  return finish({ bytes: utf8.encode(wire.body).length, sha256: sha256(wire.body) })?.reason ?? 'proved';
}

/** Reads a request of AWS's suite. A value that goes on in the next line is one value with a space (RFC 9112, obs-fold). */
function readWire(text: string): Wire {
  const [head = '', body = ''] = text.split(/\n\n/, 2);
  const [line = '', ...rest] = head.replace(/\n[ \t]+/g, ' ').split('\n');
  const [, method = '', target = ''] = /^(\S+) (.*) HTTP\/1\.1$/.exec(line) ?? [];
  const [path = '', query = ''] = target.split(/\?(.*)/s);
  const headers = rest
    .filter((header) => header !== '')
    .map((header) => {
      const colon = header.indexOf(':');
      return [header.slice(0, colon), header.slice(colon + 1)] as const;
    });
  return { method, path, query, headers, body };
}

const SECRET = 'wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY';
const files = import.meta.glob<string>('../vectors/sigv4/*/{header,query}-signed-request.txt', {
  query: '?raw',
  import: 'default',
  eager: true,
});
/** The one case that keeps the session token out of what is signed; we take no session tokens. */
const UNSIGNED_TOKEN = 'post-sts-header-after/query-signed-request';
/** Headers that the fetch API cannot hold as they came. */
const LATIN1 = (text: string) => /^[\x20-\xff\n\t]*$/.test(text.split('\n').slice(1).join('\n'));

describe("AWS's signing suite", () => {
  const cases = Object.entries(files)
    .map(([path, text]) => [path.replace(/^.*sigv4\/|\.txt$/g, ''), text] as const)
    .filter(([name, text]) => name !== UNSIGNED_TOKEN && LATIN1(text));

  it('is there', () => {
    expect(cases.length).toBeGreaterThan(55);
  });

  it.each(cases)('%s is proved', async (_, text) => {
    expect(prove(readWire(text), SECRET)).toBe('proved');
  });

  it.each(cases)('%s is refused with another secret', async (_, text) => {
    expect(prove(readWire(text), 'another')).toBe('signature-mismatch');
  });
});

const SIGNED_AT = Date.UTC(2026, 10, 23, 12);
const KEY = { accessKeyId: 'k1_t1_some_key_id', secretAccessKey: 'the-secret-of-the-key' };

interface Request {
  readonly path: string;
  readonly query: Record<string, string>;
  readonly headers: Record<string, string>;
  readonly body: string;
  readonly presigned: boolean;
}

/** Signs a request as an SDK does, by the library. */
async function sign({ path, query, headers, body, presigned }: Request): Promise<Wire> {
  const signer = new SignatureV4({ service: 'lambda', region: 'eu-west-1', credentials: KEY, sha256: Sha256 });
  const request = {
    method: 'POST',
    protocol: 'https:',
    hostname: 'gateway.example',
    path,
    query,
    headers: { host: 'gateway.example:8443', ...headers },
    body,
  };
  const signingDate = new Date(SIGNED_AT);
  const signed = presigned
    ? await signer.presign(request, { signingDate, expiresIn: 600, unhoistableHeaders: new Set(Object.keys(headers)) })
    : await signer.sign(request, { signingDate });
  const pairs = Object.entries(signed.query ?? {}).map(([name, value]) => [name, String(value)]);
  return {
    method: 'POST',
    path,
    query: new URLSearchParams(pairs).toString().replaceAll('+', '%20'),
    headers: Object.entries(signed.headers),
    body,
  };
}

const label = fc.stringMatching(/^[A-Za-z0-9$_.~:!'()*-]{1,20}$/).map(encodeURIComponent);
const requests: fc.Arbitrary<Request> = fc.record({
  path: label.map((name) => `/2015-03-31/functions/${name.replace(/^\.+$/, 'f')}/invocations`),
  query: fc.dictionary(fc.stringMatching(/^[A-Za-z]{1,8}$/), fc.string({ maxLength: 8 }), { maxKeys: 3 }),
  headers: fc.record({
    'x-amz-invocation-type': fc.constantFrom('Event', 'RequestResponse'),
    'x-amz-client-context': fc.stringMatching(/^[A-Za-z0-9+/]{1,40}$/),
    'x-list': fc.constantFrom('a,b', 'a, b', 'a  b', 'plain', 'a, b,c'),
    'x-other': fc.constantFrom('1,2', '1, 2', '1, 2,3'),
  }),
  body: fc.json(),
  presigned: fc.boolean(),
});

/** Another character in its place. */
const bump = (text: string, at: number) => {
  const index = at % Math.max(text.length, 1);
  return text.slice(0, index) + (text[index] === 'a' ? 'b' : 'a') + text.slice(index + 1);
};
const withHeader = (wire: Wire, name: string, change: (value: string) => string): Wire => ({
  ...wire,
  headers: wire.headers.map(([key, value]) => (key.toLowerCase() === name ? [key, change(value)] : [key, value])),
});
const inQuery = (wire: Wire, name: string, change: (value: string) => string): Wire => {
  const parameters = new URLSearchParams(wire.query);
  parameters.set(name, change(parameters.get(name) ?? ''));
  return { ...wire, query: parameters.toString().replaceAll('+', '%20') };
};
const inClaim = (
  wire: Wire,
  header: [RegExp, (part: string) => string],
  parameter: [string, (value: string) => string],
) =>
  wire.query.includes('X-Amz-Signature')
    ? inQuery(wire, ...parameter)
    : withHeader(wire, 'authorization', (value) => value.replace(...header));

/** Every kind of change to a signed request that changes what was signed. */
const CHANGES: Readonly<Record<string, (wire: Wire, at: number) => Wire>> = {
  method: (wire) => ({ ...wire, method: 'PUT' }),
  path: (wire, at) => ({ ...wire, path: `${wire.path.slice(0, 23)}${bump('xyz', at)}${wire.path.slice(23)}` }),
  'escaping of the path': (wire) => ({ ...wire, path: wire.path.replace('functions', '%66unctions') }),
  'a new parameter': (wire) => ({ ...wire, query: `${wire.query}${wire.query && '&'}Qualifier2=1` }),
  'a repeated parameter': (wire) => ({ ...wire, query: `a=1&a=2${wire.query && '&'}${wire.query}` }),
  host: (wire, at) => withHeader(wire, 'host', (value) => bump(value, at)),
  'a signed header': (wire, at) => withHeader(wire, 'x-amz-client-context', (value) => bump(value, at)),
  'a list in a signed header': (wire) => withHeader(wire, 'x-list', (value) => `${value},c`),
  body: (wire) => ({ ...wire, body: `${wire.body} ` }),
  'what is said of the body': (wire, at) => ({
    ...withHeader(wire, 'x-amz-content-sha256', (value) => bump(value, at)),
    body: `${wire.body} `,
  }),
  date: (wire) =>
    wire.query.includes('X-Amz-Date')
      ? inQuery(wire, 'X-Amz-Date', () => writeAmzDate(SIGNED_AT + 1000))
      : withHeader(wire, 'x-amz-date', () => writeAmzDate(SIGNED_AT + 1000)),
  'region of the scope': (wire) =>
    inClaim(wire, [/eu-west-1/, () => 'eu-west-2'], ['X-Amz-Credential', (v) => v.replace('eu-west-1', 'eu-west-2')]),
  'date of the scope': (wire) =>
    inClaim(wire, [/20261123/, () => '20261124'], ['X-Amz-Credential', (v) => v.replace('20261123', '20261124')]),
  'signed headers': (wire) =>
    inClaim(wire, [/;x-list/, () => ''], ['X-Amz-SignedHeaders', (v) => v.replace(';x-list', '')]),
  expiry: (wire) =>
    wire.query.includes('X-Amz-Expires')
      ? inQuery(wire, 'X-Amz-Expires', () => '604800')
      : withHeader(wire, 'authorization', (value) => value.replace(/.$/, (last) => (last === '0' ? '1' : '0'))),
  signature: (wire, at) =>
    inClaim(
      wire,
      [/Signature=(.*)$/, (value) => `Signature=${bump(value.slice(10), at)}`],
      ['X-Amz-Signature', (value) => bump(value, at)],
    ),
};

describe('beginProof', () => {
  it('proves whatever the library signs, in the header or in the query', async () => {
    await fc.assert(
      fc.asyncProperty(requests, async (request) => {
        expect(prove(await sign(request), KEY.secretAccessKey)).toBe('proved');
      }),
      { numRuns: 300 },
    );
  });

  it.each(Object.keys(CHANGES))('refuses every request of which has been changed: %s', async (name) => {
    await fc.assert(
      fc.asyncProperty(requests, fc.nat(), async (request, at) => {
        const wire = await sign(request);
        const changed = CHANGES[name]?.(wire, at) ?? wire;
        expect(JSON.stringify(changed)).not.toBe(JSON.stringify(wire));
        expect(prove(changed, KEY.secretAccessKey)).not.toBe('proved');
      }),
      { numRuns: 100 },
    );
  });

  const simple: Request = {
    path: '/2015-03-31/functions/f/invocations',
    query: {},
    headers: {},
    body: '{}',
    presigned: false,
  };

  it('refuses an argument that was put into a signed request without being signed', async () => {
    for (const presigned of [true, false]) {
      const wire = await sign({ ...simple, presigned });
      for (const header of ['x-amz-invocation-type', 'x-amz-log-type', 'x-amz-tenant-id', 'x-amz-client-context']) {
        const added = { ...wire, headers: [...wire.headers, [header, 'Event'] as const] };
        expect(prove(added, KEY.secretAccessKey)).toBe('header-not-signed');
      }
    }
  });

  it('needs no body to refuse a forged signature, where the hash of the body is declared', async () => {
    const wire = await sign(simple);
    expect(wire.headers.map(([name]) => name)).toContain('x-amz-content-sha256');
    expect(begin(wire, 'another secret')).toBe('signature-mismatch');
    const without = { ...wire, headers: wire.headers.filter(([name]) => name !== 'x-amz-content-sha256') };
    expect(begin(without, 'another secret')).toBeTypeOf('function');
  });

  it('refuses a body other than the one whose declared hash was signed, whatever else is declared', async () => {
    const wire = await sign(simple);
    expect(begin(wire, KEY.secretAccessKey)).toBeTypeOf('function'); // nothing is proved yet
    for (const body of ['', '{}x', '{"a":1}']) {
      expect(prove({ ...wire, body }, KEY.secretAccessKey)).toBe('signature-mismatch');
      const headers = wire.headers.map(
        ([name, value]) => [name, name === 'x-amz-content-sha256' ? sha256(body) : value] as const,
      );
      expect(prove({ ...wire, headers, body }, KEY.secretAccessKey)).toBe('signature-mismatch');
    }
  });

  it('lets headers be added on the way that mean nothing to a call', async () => {
    const wire = await sign(simple);
    const added = { ...wire, headers: [...wire.headers, ['x-forwarded-for', '1.2.3.4'], ['cf-ray', '1']] as const };
    expect(prove(added, KEY.secretAccessKey)).toBe('proved');
  });

  it('takes a length that was signed and is not there any more from the body', async () => {
    const wire = await sign({ ...simple, headers: { 'content-length': '2' } });
    const without = { ...wire, headers: wire.headers.filter(([name]) => name !== 'content-length') };
    expect(prove(without, KEY.secretAccessKey)).toBe('proved');
    expect(prove({ ...without, body: '{ }' }, KEY.secretAccessKey)).toBe('signature-mismatch');
  });
});

/** A request as it arrives: the platform joins the lines of a header with a comma and a space. */
const arriving = (wire: Wire, lists: Readonly<Record<string, string>>): Wire => ({
  ...wire,
  headers: wire.headers.map(([name, value]) => [name, lists[name] ?? value]),
});

describe('a header that was sent in several lines', () => {
  const signed = (headers: Record<string, string>) =>
    sign({ path: '/2015-03-31/functions/f/invocations', query: {}, headers, body: '{}', presigned: false });

  it.each([
    ['beside a list in one line', { 'x-a': '1,2', 'x-b': '1, 2' }],
    ['of which one has a list', { 'x-a': '1, 2,3', 'x-b': 'plain' }],
    ['beside two lists', { 'x-a': '1,2', 'x-b': '1, 2, 3', 'x-c': '1, 2' }],
    ['twice, beside a long list', { 'x-a': '1,2', 'x-b': '1, 2, 3, 4, 5, 6', 'x-c': 'a,b' }],
    ['five times', { 'x-a': '1,2,3,4,5' }],
  ] as [string, Record<string, string>][])('D6: is proved %s', async (_, headers) => {
    const spaced = Object.fromEntries(
      Object.entries(headers).map(([name, value]) => [name, value.replace(/, ?/g, ', ')]),
    );
    const wire = arriving(await signed(headers), spaced);
    expect(prove(wire, KEY.secretAccessKey)).toBe('proved');
    const reordered = arriving(wire, { 'x-a': (spaced['x-a'] ?? '').split(', ').toReversed().join(', ') });
    expect(prove(reordered, KEY.secretAccessKey)).toBe('signature-mismatch');
  });
});

describe('a signed request of any form', () => {
  const text = fc.string({ unit: 'binary-ascii', maxLength: 60 });
  const ascii = fc.string({ unit: fc.integer({ min: 0x20, max: 0x7e }).map((code) => String.fromCharCode(code)) });
  const names = fc.array(fc.oneof(ascii, fc.constantFrom('host', 'a b', '__proto__', 'x-list', '')), { maxLength: 6 });

  it('B9: is refused or proved, and throws nothing', () => {
    fc.assert(
      fc.property(names, ascii, ascii, text, fc.boolean(), (signedHeaders, value, date, path, presigned) => {
        const claim = {
          'X-Amz-Algorithm': 'AWS4-HMAC-SHA256',
          'X-Amz-Credential': `k/20261123/${value.replaceAll(',', '')}/lambda/aws4_request`,
          'X-Amz-Date': '20261123T120000Z',
          'X-Amz-SignedHeaders': ['host', ...signedHeaders].join(';'),
          'X-Amz-Signature': value,
        };
        const inHeader = Object.entries(claim).map(([name, part]) => `${name.slice(6)}=${part}`);
        const wire: Wire = {
          method: 'POST',
          path: `/${path}`,
          query: presigned ? new URLSearchParams(claim).toString() : path,
          headers: [
            ['x-amz-date', date.trim() || '20261123T120000Z'],
            ['x-list', value],
            ...(presigned ? [] : [['authorization', `AWS4-HMAC-SHA256 ${inHeader.join(', ')}`] as const]),
          ],
          body: '',
        };
        expect(prove(wire, KEY.secretAccessKey)).not.toBe('proved');
      }),
      { numRuns: 500 },
    );
  });
});
