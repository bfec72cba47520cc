import { parseQuery, percentEncode } from '../query.ts';
import type { WireHeaders } from '../wire-headers.ts';

/** The parts that a signature covers. Every string holds one byte per character, as it came over the wire. */
export interface SignedParts {
  readonly method: string;
  readonly path: string;
  readonly query: string;
  readonly headers: WireHeaders;
  readonly signedHeaders: readonly string[];
  readonly payloadHash: string;
}

/**
 * Writes the canonical request of a call (AWS, "Create a signed AWS API request", step 1).
 * The wire path is encoded once more, as every service but S3 asks.
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

/** The signature itself is never part of what is signed. */
function canonicalQuery(query: string): string {
  return parseQuery(query)
    .filter(([name]) => name !== 'X-Amz-Signature')
    .map(([name, value]) => [percentEncode(name), percentEncode(value)] as const)
    .sort((a, b) => compare(a[0], b[0]) || compare(a[1], b[1]))
    .map(([name, value]) => `${name}=${value}`)
    .join('&');
}

/** White space is named byte by byte: `\s` also takes 0xA0, which is the middle of a UTF-8 letter. */
function canonicalHeader(values: readonly string[]): string {
  return values.map((value) => value.replace(/[ \t\r\n]+/g, ' ').replace(/^ | $/g, '')).join(',');
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
