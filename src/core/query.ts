/** The parameters of a query, by name. A parameter may have several values. */
export type QueryParameters = ReadonlyMap<string, readonly string[]>;

/**
 * Parses a query in the same way as a form (WHATWG URL, application/x-www-form-urlencoded). The query is as received,
 * without the question mark. Undefined if the percent-encoding is broken.
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

/** Decodes percent-encoded UTF-8 (RFC 3986 section 2.1). Undefined if the encoding is broken. */
export function decodePercent(text: string): string | undefined {
  if (!text.includes('%')) return text;
  try {
    return decodeURIComponent(text);
  } catch {
    return undefined;
  }
}

/** Returns a parameter's first value. `name` is in lower case, and matches the parameter in any letter case. */
export function findParameter(query: QueryParameters, name: string): string | undefined {
  for (const [parameter, [value]] of query) if (parameter.toLowerCase() === name) return value;
  return undefined;
}
