import { describe, expect, it } from 'vitest';
import { parseQuery } from '../../../src/core/query.ts';
import { parseAmzDate, writeAmzDate } from '../../../src/core/signature/amz-date.ts';
import { checkClaim, checkPayloadIsSigned, checkPresignedLifetime } from '../../../src/core/signature/check-claim.ts';
import { parseClaim, type SignatureClaim } from '../../../src/core/signature/claim.ts';

const NOW = Date.UTC(2026, 10, 23, 12, 0, 0);
const CREDENTIAL = 'KEYID/20261123/us-east-1/lambda/aws4_request';
const SIGNED = 'SignedHeaders=host;x-amz-date';
const GOOD = `AWS4-HMAC-SHA256 Credential=${CREDENTIAL}, ${SIGNED}, Signature=abc`;

const parse = (authorization: string, headers: Record<string, string> = { 'x-amz-date': '20261123T120000Z' }) =>
  parseClaim({ authorization, query: new Map(), header: (name) => headers[name] });
const parsePresigned = (changes: Record<string, string | undefined> = {}) => {
  const parameters = {
    'X-Amz-Algorithm': 'AWS4-HMAC-SHA256',
    'X-Amz-Credential': CREDENTIAL,
    'X-Amz-Date': '20261123T120000Z',
    'X-Amz-Expires': '60',
    'X-Amz-SignedHeaders': 'host',
    'X-Amz-Signature': 'abc',
    ...changes,
  };
  const given = Object.entries(parameters).filter((entry): entry is [string, string] => entry[1] !== undefined);
  const query = parseQuery(new URLSearchParams(given).toString());
  if (!query) throw new Error('not a query');
  return parseClaim({ authorization: undefined, query, header: () => undefined });
};
const claimOf = (parsed: ReturnType<typeof parse>): SignatureClaim => {
  if (!parsed.ok) throw new Error(parsed.error.message);
  return parsed.value;
};
const said = (parsed: ReturnType<typeof parse>) => (parsed.ok ? undefined : parsed.error.message);

describe('parseClaim', () => {
  it('reads the Authorization header, with or without spaces behind the commas', () => {
    const claim = {
      form: 'header',
      keyId: 'KEYID',
      scope: { date: '20261123', region: 'us-east-1', service: 'lambda', terminator: 'aws4_request' },
      signedHeaders: ['host', 'x-amz-date'],
      signature: 'abc',
      longDate: '20261123T120000Z',
      signedAtMs: NOW,
    };
    expect(claimOf(parse(GOOD))).toEqual(claim);
    expect(claimOf(parse(GOOD.replaceAll(', ', ',')))).toEqual(claim);
  });

  it('reads the time from a Date header, in either form, when there is no X-Amz-Date', () => {
    expect(claimOf(parse(GOOD, { date: 'Mon, 23 Nov 2026 12:00:00 GMT' })).longDate).toBe('20261123T120000Z');
    expect(claimOf(parse(GOOD, { date: '20261123T120000Z' })).signedAtMs).toBe(NOW);
  });

  it('reads a presigned query', () => {
    expect(claimOf(parsePresigned())).toMatchObject({ form: 'query', keyId: 'KEYID', expiresSeconds: 60 });
  });

  it.each([
    [
      'AWS4-ECDSA-P256-SHA256 Credential=x',
      "Unsupported AWS 'algorithm': 'AWS4-ECDSA-P256-SHA256' (only AWS4-HMAC-SHA256 for now). ",
    ],
    [
      'AWS4-HMAC-SHA256 Credential',
      "'Credential' not a valid key=value pair (missing equal-sign) in Authorization header: 'AWS4-HMAC-SHA256 Credential'.",
    ],
    [
      `AWS4-HMAC-SHA256 Credential=${CREDENTIAL}`,
      `Authorization header requires 'Signature' parameter. Authorization header requires 'SignedHeaders' parameter. Authorization=AWS4-HMAC-SHA256 Credential=${CREDENTIAL}`,
    ],
    [GOOD.replace('host;', ''), "'Host' must be a 'SignedHeader' in the AWS Authorization."],
    [
      GOOD.replace('/aws4_request', ''),
      "Credential must have exactly 5 slash-delimited elements, e.g. keyid/date/region/service/term, got 'KEYID/20261123/us-east-1/lambda'",
    ],
  ])('says of %s what the service says', (authorization, message) => {
    expect(said(parse(authorization))).toBe(message);
  });

  it.each(['201', '2026-11-23T12:00:00Z', '20261332T120000Z', 'yesterday'])('does not take %s for a date', (date) => {
    expect(said(parse(GOOD, { 'x-amz-date': date }))).toBe(
      `Date must be in ISO-8601 'basic format'. Got '${date}'. See http://en.wikipedia.org/wiki/ISO_8601`,
    );
  });

  const withSigned = (names: string) => parse(GOOD.replace(SIGNED, `SignedHeaders=${names}`));
  const reason = (parsed: ReturnType<typeof parse>) => (parsed.ok ? undefined : parsed.error.reason);

  it.each(['a b;host', 'host;', 'host;x\u00e9', 'host;x:y', 'host;"x"', 'host;x-a;x-b;X-A', 'host;host'])(
    'B9: does not take %j for the names of signed headers',
    (names) => {
      expect(reason(withSigned(names))).toBe('signature-incomplete');
    },
  );

  it('A6: takes 64 signed headers of 128 characters, and no more', () => {
    const names = (count: number) => ['host', ...Array.from({ length: count - 1 }, (_, n) => `x-${n}`)].join(';');
    expect(reason(withSigned(names(64)))).toBeUndefined();
    expect(reason(withSigned(names(65)))).toBe('signature-too-large');
    expect(reason(withSigned(`host;${'x'.repeat(128)}`))).toBeUndefined();
    expect(reason(withSigned(`host;${'x'.repeat(129)}`))).toBe('signature-too-large');
    expect(reason(parse(`${GOOD},${' '.repeat(8_192)}`))).toBe('credentials-too-long');
    expect(reason(parsePresigned({ 'X-Amz-SignedHeaders': names(65) }))).toBe('signature-too-large');
  });

  it('asks for a date', () => {
    expect(said(parse(GOOD, {}))).toContain(
      "Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' header. Authorization=",
    );
  });

  it.each([
    [
      { 'X-Amz-Signature': undefined, 'X-Amz-Date': undefined },
      "AWS query-string parameters must include 'X-Amz-Signature'. AWS query-string parameters must include 'X-Amz-Date'. Re-examine the query-string parameters.",
    ],
    [{ 'X-Amz-Expires': '604801' }, 'X-Amz-Expires must be a number of seconds from 1 to 604800'],
    [{ 'X-Amz-Expires': '0' }, 'X-Amz-Expires must be a number of seconds from 1 to 604800'],
    [{ 'X-Amz-Expires': '-5' }, 'X-Amz-Expires must be a number of seconds from 1 to 604800'],
    [{ 'X-Amz-Algorithm': 'other' }, "Unsupported AWS 'algorithm': 'other' (only AWS4-HMAC-SHA256 for now). "],
  ])('says of a presigned query with %j what is wrong', (changes, message) => {
    expect(said(parsePresigned(changes))).toBe(message);
  });
});

describe('checkClaim', () => {
  const at = (longDate: string) =>
    claimOf(parse(GOOD.replace('20261123', longDate.slice(0, 8)), { 'x-amz-date': longDate }));
  const message = (claim: SignatureClaim, nowMs = NOW) => checkClaim(claim, nowMs)?.message;

  it('takes a clock that is 5 minutes off either way, and no more', () => {
    expect(message(at('20261123T115500Z'))).toBeUndefined();
    expect(message(at('20261123T120500Z'))).toBeUndefined();
    expect(message(at('20261123T115459Z'))).toBe(
      'Signature expired: 20261123T115459Z is now earlier than 20261123T115500Z (20261123T120000Z - 5 min.)',
    );
    expect(message(at('20261123T120501Z'))).toBe(
      'Signature not yet current: 20261123T120501Z is still later than 20261123T120500Z (20261123T120000Z + 5 min.)',
    );
  });

  it('lets a presigned request live as long as it says, and no longer', () => {
    const claim = claimOf(parsePresigned());
    expect(message(claim, NOW + 60_000)).toBeUndefined();
    expect(message(claim, NOW + 60_001)).toContain('Signature expired: 20261123T120100Z');
    expect(message(claim, NOW - 300_001)).toContain('Signature not yet current');
  });

  it('D3: gives a presigned request that does not say how long it lives the 5 minutes of a signed header', () => {
    const claim = claimOf(parsePresigned({ 'X-Amz-Expires': undefined }));
    expect(claim.form).toBe('query');
    expect(message(claim, NOW + 300_000)).toBeUndefined();
    expect(message(claim, NOW + 300_001)).toContain('Signature expired: 20261123T120000Z is now earlier than');
    expect(said(parsePresigned({ 'X-Amz-Expires': '' }))).toBe(
      'X-Amz-Expires must be a number of seconds from 1 to 604800',
    );
  });

  it.each([
    ['us-east-1/lambda', 'us-east-1/s3', "Credential should be scoped to correct service: 'lambda'. "],
    ['us-east-1/', 'mars-1/', 'Credential should be scoped to a valid region. '],
    ['aws4_request', 'e', "Credential should be scoped with a valid terminator: 'aws4_request', not 'e'. "],
    [
      '/20261123/',
      '/20261122/',
      "Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP: '20261122' != '20261123', from '20261123T120000Z'.",
    ],
    [
      'us-east-1/lambda',
      'mars-1/s3',
      "Credential should be scoped to a valid region. Credential should be scoped to correct service: 'lambda'. ",
    ],
  ])('says of a scope with %s as %s what the service says', (from, to, expected) => {
    expect(message(claimOf(parse(GOOD.replace(from, to))))).toBe(expected);
  });
});

describe('checkPresignedLifetime', () => {
  it("holds a presigned request to the tenant's own limit", () => {
    const claim = claimOf(parsePresigned());
    expect(checkPresignedLifetime(claim, undefined, NOW)).toBeUndefined();
    expect(checkPresignedLifetime(claim, 60, NOW)).toBeUndefined();
    expect(checkPresignedLifetime(claim, 59, NOW)?.reason).toBe('presigned-too-long');
    expect(checkPresignedLifetime(claimOf(parse(GOOD)), 1, NOW + 9_000)).toBeUndefined();
  });

  it('D3: lets one that does not say how long live no longer than that', () => {
    const claim = claimOf(parsePresigned({ 'X-Amz-Expires': undefined }));
    expect(checkPresignedLifetime(claim, 60, NOW + 60_000)).toBeUndefined();
    expect(checkPresignedLifetime(claim, 60, NOW + 60_001)?.reason).toBe('presigned-too-long');
  });
});

describe('checkPayloadIsSigned', () => {
  it.each([
    ['UNSIGNED-PAYLOAD', 'UNSIGNED-PAYLOAD'],
    ['STREAMING-AWS4-HMAC-SHA256-PAYLOAD', 'STREAMING-AWS4-HMAC-SHA256-PAYLOAD'],
    ['STREAMING-UNSIGNED-PAYLOAD-TRAILER', 'STREAMING-UNSIGNED-PAYLOAD-TRAILER'],
  ])('D15: says of %s that it is not supported', (declared, marker) => {
    expect(checkPayloadIsSigned(declared)?.message).toContain(`'x-amz-content-sha256: ${marker}' is not supported`);
  });

  it('leaves every other hash to the comparison', () => {
    for (const declared of [undefined, '', 'e3b0', 'unsigned-payload']) {
      expect(checkPayloadIsSigned(declared)).toBeUndefined();
    }
  });
});

describe('parseAmzDate', () => {
  it('reads back what writeAmzDate writes', () => {
    expect(parseAmzDate(writeAmzDate(NOW))).toBe(NOW);
    expect(parseAmzDate('20260229T000000Z')).toBeUndefined();
  });
});
