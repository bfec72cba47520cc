import { parseQuery, percentEncode } from '../query.ts';
import type { WireHeaders } from '../wire-headers.ts';

/** The parts of a request that its signature covers. Each character of a string is one byte from the wire. */
export interface SignedParts {
  readonly method: string;
  readonly path: string;
  readonly query: string;
  readonly headers: WireHeaders;
  readonly signedHeaders: readonly string[];
  readonly payloadHash: string;
}

/**
 * Builds the canonical request of a call (AWS, "Create a signed AWS API request", step 1).
 * Encodes the wire path a second time, as every service except S3 requires.
 */
export function canonicalRequest(parts: SignedParts): string {
  const names = parts.signedHeaders.map((name) => name.toLowerCase()).sort();
  const headers = names.map((name) => `${name}:${canonicalHeader(parts.headers.get(name) ?? [])}\n`);
  return [
    parts.method,
    canonicalPath(parts.path),
    canonicalQuery(parts.query),
    headers.join(''),
    names.join(';'),
    parts.payloadHash,
  ].join('\n');
}

function canonicalPath(path: string): string {
  const kept: string[] = [];
  for (const segment of path.split('/')) {
    if (segment === '..') kept.pop();
    else if (segment !== '' && segment !== '.') kept.push(percentEncode(segment));
  }
  const end = kept.length > 0 && path.endsWith('/') ? '/' : '';
  return `/${kept.join('/')}${end}`;
}

/** Leaves out `X-Amz-Signature`, because a signature never covers itself. */
function canonicalQuery(query: string): string {
  return parseQuery(query)
    .filter(([name]) => name !== 'X-Amz-Signature')
    .map(([name, value]) => [percentEncode(name), percentEncode(value)] as const)
    .sort((a, b) => compare(a[0], b[0]) || compare(a[1], b[1]))
    .map(([name, value]) => `${name}=${value}`)
    .join('&');
}

/** Lists the white space explicitly: `\s` also matches 0xA0, which can be a byte inside a UTF-8 character. */
function canonicalHeader(values: readonly string[]): string {
  return values.map((value) => value.replace(/[ \t\r\n]+/g, ' ').replace(/^ | $/g, '')).join(',');
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
