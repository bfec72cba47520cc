import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { canonicalRequest } from '../../src/emulator/auth/canonical-request.ts';
import { signatureOf } from '../../src/emulator/auth/signature.ts';
import { parseQuery } from '../../src/emulator/query.ts';
import { wireHeaders } from '../../src/emulator/wire-headers.ts';

const suite = join(import.meta.dirname, '../vectors/sigv4');
const cases = readdirSync(suite).filter((name) => !/^[A-Z]+$/.test(name));

/** Reads a file as the wire has it, one character per byte. */
const read = (name: string, file: string) => readFileSync(join(suite, name, file), 'latin1').replaceAll('\r', '');

/** Takes a request of the suite apart; a line that begins with a space continues the header before it. */
function parse(text: string) {
  const [, method = '', target = '', rest = ''] = /^(\S+) (.*) HTTP\/1\.1\n(.*)$/s.exec(text) ?? [];
  const [path = '', query = ''] = target.split(/\?(.*)/s);
  const [head = ''] = rest.split('\n\n');
  const raw = head.split(/\n(?! )/).flatMap((line) => {
    const at = line.indexOf(':');
    return [line.slice(0, at), line.slice(at + 1)];
  });
  return { method, path, query, headers: wireHeaders(raw) };
}

function context(name: string) {
  const { credentials } = JSON.parse(read(name, 'context.json'));
  return credentials as { access_key_id: string; secret_access_key: string };
}

const scope = { date: '20150830', region: 'us-east-1', service: 'service', terminator: 'aws4_request' };
const amzDate = '20150830T123600Z';

describe("AWS's signing suite", () => {
  it('is all here', () => {
    expect(cases).toHaveLength(31);
  });

  it.each(cases)('agrees with the header form of %s', (name) => {
    const request = parse(read(name, 'header-signed-request.txt'));
    const expected = read(name, 'header-canonical-request.txt');
    const [signedHeaders = '', payloadHash = ''] = expected.split('\n').slice(-2);
    const canonical = canonicalRequest({ ...request, signedHeaders: signedHeaders.split(';'), payloadHash });
    expect(canonical).toBe(expected);
    const signature = signatureOf(context(name).secret_access_key, scope, amzDate, canonical);
    expect(signature).toBe(read(name, 'header-signature.txt'));
  });

  // Here the token is left out of what is signed; Lambda has it signed, as every part of the query.
  const presigned = cases.filter((name) => name !== 'post-sts-header-after');
  it.each(presigned)('agrees with the query form of %s', (name) => {
    const request = parse(read(name, 'query-signed-request.txt'));
    const expected = read(name, 'query-canonical-request.txt');
    const signedHeaders = new Map(parseQuery(request.query)).get('X-Amz-SignedHeaders') ?? '';
    const payloadHash = expected.split('\n').at(-1) ?? '';
    const canonical = canonicalRequest({ ...request, signedHeaders: signedHeaders.split(';'), payloadHash });
    expect(canonical).toBe(expected);
    const signature = signatureOf(context(name).secret_access_key, scope, amzDate, canonical);
    expect(signature).toBe(read(name, 'query-signature.txt'));
  });
});
