/** The parameters of a query, by name; each may have several values. */
export type QueryParameters = ReadonlyMap<string, readonly string[]>;

/**
 * Parses a query as it came on the wire, without the question mark, as a form is decoded (WHATWG URL,
 * application/x-www-form-urlencoded). Undefined where its percent-encoding is broken.
 */
export function parseQuery(rawQuery: string): QueryParameters | undefined {
  const parameters = new Map<string, string[]>();
  if (rawQuery === '') return parameters;
  for (const pair of rawQuery.split('&')) {
    if (pair === '') continue;
    const equals = pair.indexOf('=');
    const name = decodeComponent(equals < 0 ? pair : pair.slice(0, equals));
    const value = decodeComponent(equals < 0 ? '' : pair.slice(equals + 1));
    if (name === undefined || value === undefined) return undefined;
    const values = parameters.get(name);
    if (values) values.push(value);
    else parameters.set(name, [value]);
  }
  return parameters;
}

const decodeComponent = (text: string): string | undefined => decodePercent(text.replaceAll('+', ' '));

/** Decodes percent-encoded UTF-8 (RFC 3986 section 2.1); undefined where it is broken. */
export function decodePercent(text: string): string | undefined {
  if (!text.includes('%')) return text;
  try {
    return decodeURIComponent(text);
  } catch {
    return undefined;
  }
}

/** A parameter's first value, by its name in lower case, whatever the case that it came in. */
export function findParameter(query: QueryParameters, name: string): string | undefined {
  for (const [parameter, [value]] of query) if (parameter.toLowerCase() === name) return value;
  return undefined;
}
