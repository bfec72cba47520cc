import { createHash } from 'node:crypto';
import { Sha256 } from '@aws-crypto/sha256-js';
import { SignatureV4 } from '@smithy/signature-v4';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createLambdaSigner, createSigner } from '../../src/upstream/sign.ts';

const sha256 = (text: string) => createHash('sha256').update(text).digest('hex');

describe('the signer', () => {
  const anyValue = fc.oneof(
    fc.string({ unit: fc.constantFrom(...'aZ09 \t=+/:.-_,;()*'), maxLength: 60 }),
    fc.base64String({ maxLength: 200 }),
  );
  const anyName = fc.stringMatching(/^x-amz-[a-z-]{1,20}$/);
  const anySegment = fc
    .oneof(
      fc.stringMatching(/^[A-Za-z0-9:$._*'()!~-]{1,80}$/),
      fc.string({ unit: 'grapheme', minLength: 1, maxLength: 20 }),
    )
    .filter((text) => !/^\.{1,2}$/.test(text))
    .map(encodeURIComponent);
  const anyRequest = fc.record({
    host: fc.constantFrom('lambda.eu-west-1.amazonaws.com', '127.0.0.1:9001', 'localhost:4566'),
    region: fc.constantFrom('us-east-1', 'eu-west-1', 'cn-north-1', 'us-gov-west-1'),
    path: fc.array(anySegment, { minLength: 1, maxLength: 5 }).map((segments) => `/${segments.join('/')}`),
    query: fc.option(fc.record({ Qualifier: fc.stringMatching(/^[A-Za-z0-9$_-]{1,128}$/) }), { nil: {} }),
    headers: fc.dictionary(anyName, anyValue, { maxKeys: 6, noNullPrototype: true }),
    bodySha256: fc.string({ maxLength: 20 }).map(sha256),
    atMs: fc.integer({ min: Date.UTC(2020, 0), max: Date.UTC(2038, 0) }),
    sessionToken: fc.option(fc.base64String({ minLength: 4 }), { nil: undefined }),
  });

  it('makes the same signature as the library, of any request', async () => {
    const keys = { accessKeyId: 'AKIDEXAMPLE', secretAccessKey: 'wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY' };
    const sign = createLambdaSigner(keys); // one for all: it keeps keys of many days and regions
    await fc.assert(
      fc.asyncProperty(anyRequest, async ({ host, region, path, query, headers, bodySha256, atMs, sessionToken }) => {
        const credentials = { ...keys, ...(sessionToken !== undefined && { sessionToken }) };
        const library = new SignatureV4({ service: 'lambda', region, credentials, sha256: Sha256 });
        const [hostname = '', port] = host.split(':');
        const { host: _, ...expected } = (
          await library.sign(
            {
              method: 'POST',
              protocol: 'https:',
              hostname,
              ...(port !== undefined && { port: Number(port) }),
              path,
              query: { ...query },
              headers: { ...headers, host, 'x-amz-content-sha256': bodySha256 },
            },
            { signingDate: new Date(atMs) },
          )
        ).headers;
        const ours = sessionToken === undefined ? sign : createLambdaSigner(credentials);
        const encoded = Object.entries(query).map(([name, value]) => `${name}=${encodeURIComponent(value)}`);
        expect(ours({ host, region, path, query: encoded.join('&'), headers, bodySha256 }, atMs)).toEqual(expected);
      }),
      { numRuns: 1_000 },
    );
  });
});

describe("AWS's signing suite", () => {
  const files = import.meta.glob<string>('../vectors/sigv4/*/header-{canonical,signed}-request.txt', {
    query: '?raw',
    import: 'default',
    eager: true,
  });
  const read = (name: string, kind: string) => files[`../vectors/sigv4/${name}/header-${kind}-request.txt`] ?? '';
  /** Those without a query, for our requests have none, and with one value for each header, as they have. */
  const names = [...new Set(Object.keys(files).map((file) => file.split('/')[3] ?? ''))].filter((name) => {
    const [, , query, ...rest] = read(name, 'canonical').split('\n');
    return query === '' && rest.length > 0 && /^[A-Z]+ \/[\w.-]* HTTP/.test(read(name, 'signed'));
  });

  it('is there', () => expect(names.length).toBeGreaterThanOrEqual(10));

  it.each(names)('%s', (name) => {
    const [method = '', path = '', , ...rest] = read(name, 'canonical').split('\n');
    const gap = rest.indexOf('');
    const headers = Object.fromEntries(
      rest.slice(0, gap).map((line) => [line.slice(0, line.indexOf(':')), line.slice(line.indexOf(':') + 1)]),
    );
    const [, authorization] = /^Authorization:(.*)$/m.exec(read(name, 'signed')) ?? [];
    const authorize = createSigner('service', {
      accessKeyId: 'AKIDEXAMPLE',
      secretAccessKey: 'wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY',
    });
    const longDate = headers['x-amz-date'] ?? '';
    const bodySha256 = rest.at(-1) ?? '';
    expect(authorize({ method, path, headers, bodySha256, region: 'us-east-1', longDate })).toBe(authorization);
  });
});
