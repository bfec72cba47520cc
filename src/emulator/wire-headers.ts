/** A request's headers, by lower-case name. A repeated name keeps all its values, in order. */
export type WireHeaders = ReadonlyMap<string, readonly string[]>;

/** Groups node:http's flat list of names and values by name. Each character of a value is one byte. */
export function wireHeaders(rawHeaders: readonly string[]): WireHeaders {
  const headers = new Map<string, string[]>();
  for (let i = 0; i + 1 < rawHeaders.length; i += 2) {
    const name = (rawHeaders[i] ?? '').toLowerCase();
    const value = rawHeaders[i + 1] ?? '';
    const values = headers.get(name);
    if (values) values.push(value);
    else headers.set(name, [value]);
  }
  return headers;
}

/** The value of a header, with repeated values joined by commas. Undefined if the request lacks the header. */
export function headerValue(headers: WireHeaders, name: string): string | undefined {
  return headers.get(name)?.join(',');
}
