/** A query's names and values, decoded, in the order they came; one character is one byte. */
export type QueryPairs = readonly (readonly [name: string, value: string])[];

/** Parses a raw query. A `+` is a space; an invalid escape stays as it is. */
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

/** Encodes every byte but the unreserved ones (RFC 3986 §2.3), hex in capitals as SigV4 asks. */
export function percentEncode(bytes: string): string {
  return bytes.replace(/[^A-Za-z0-9\-._~]/g, (byte) => {
    return `%${byte.charCodeAt(0).toString(16).toUpperCase().padStart(2, '0')}`;
  });
}

function decode(text: string): string {
  return percentDecode(text.replaceAll('+', ' '));
}

/** Turns each `%XX` into its byte. */
export function percentDecode(text: string): string {
  return text.replace(/%([0-9A-Fa-f]{2})/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));
}
