/** A request's headers as they came: lower-case names, every value of a repeated name, in order. */
export type WireHeaders = ReadonlyMap<string, readonly string[]>;

/** Groups node:http's flat list of names and values; one character of a value is one byte. */
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

/** The one value of a header, repeated values joined with a comma; undefined when it did not come. */
export function headerValue(headers: WireHeaders, name: string): string | undefined {
  return headers.get(name)?.join(',');
}
