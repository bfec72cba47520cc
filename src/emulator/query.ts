/** The decoded names and values of a query, in their original order. Each character is one byte. */
export type QueryPairs = readonly (readonly [name: string, value: string])[];

/** Parses a raw query. Decodes `+` as a space, and keeps an invalid escape unchanged. */
export function parseQuery(query: string): QueryPairs {
  return query
    .split('&')
    .filter((pair) => pair !== '')
    .map((pair) => {
      const at = pair.indexOf('=');
      const name = at < 0 ? pair : pair.slice(0, at);
      const value = at < 0 ? '' : pair.slice(at + 1);
      return [decode(name), decode(value)] as const;
    });
}

/** Encodes every byte that is not an unreserved character (RFC 3986 §2.3), in upper-case hex as SigV4 requires. */
export function percentEncode(bytes: string): string {
  return bytes.replace(/[^A-Za-z0-9\-._~]/g, (byte) => {
    return `%${byte.charCodeAt(0).toString(16).toUpperCase().padStart(2, '0')}`;
  });
}

function decode(text: string): string {
  return percentDecode(text.replaceAll('+', ' '));
}

/** Decodes each `%XX` to a byte. */
export function percentDecode(text: string): string {
  return text.replace(/%([0-9A-Fa-f]{2})/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));
}
