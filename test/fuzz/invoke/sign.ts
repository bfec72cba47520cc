import { createHash, createHmac } from 'node:crypto';

export interface SignInput {
  readonly method: string;
  /** As it goes on the wire, with its query. */
  readonly path: string;
  /** Everything that is signed, `host` too; a name that repeats is signed as one header, its values joined by a comma. */
  readonly headers: readonly (readonly [string, string])[];
  readonly body: Buffer | string;
  readonly service: string;
  readonly region: string;
  readonly at: Date;
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  /** Signs in the query, for so many seconds. */
  readonly expiresSeconds?: number;
}

const sha256 = (data: Buffer | string) => createHash('sha256').update(data).digest('hex');
const hmac = (key: Buffer | string, text: string) => createHmac('sha256', key).update(text).digest();
/** RFC 3986, section 2.3: all but unreserved characters. */
const encode = (text: string) =>
  encodeURIComponent(text).replace(/[!'()*]/g, (c) => `%${c.charCodeAt(0).toString(16).toUpperCase()}`);
const decode = (text: string) => {
  try {
    return decodeURIComponent(text.replaceAll('+', ' '));
  } catch {
    return text;
  }
};

/**
 * Signature Version 4 (IAM User Guide, "Create a signed AWS API request"), step by step and for any request, right or
 * wrong. It shares no code with the gateway.
 *
 * @returns the path and the headers to send beside those that were given.
 */
export function sign(input: SignInput): { readonly path: string; readonly headers: [string, string][] } {
  const { method, body, service, region, at, accessKeyId, secretAccessKey, expiresSeconds } = input;
  const date = at.toISOString().replace(/[-:]|\.\d{3}/g, '');
  const scope = `${date.slice(0, 8)}/${region}/${service}/aws4_request`;
  const isPresigned = expiresSeconds !== undefined;
  const values = new Map<string, string>();
  for (const [given, value] of [...input.headers, ...(isPresigned ? [] : [['x-amz-date', date] as const])]) {
    const name = given.toLowerCase();
    const tidy = value.trim().replace(/ +/g, ' ');
    values.set(name, values.has(name) ? `${values.get(name)},${tidy}` : tidy);
  }
  const names = [...values.keys()].sort();
  const signedHeaders = names.join(';');

  let { path } = input;
  if (isPresigned) {
    const own = {
      'X-Amz-Algorithm': 'AWS4-HMAC-SHA256',
      'X-Amz-Credential': `${accessKeyId}/${scope}`,
      'X-Amz-Date': date,
      'X-Amz-Expires': String(expiresSeconds),
      'X-Amz-SignedHeaders': signedHeaders,
    };
    const query = Object.entries(own).map(([name, value]) => `${name}=${encode(value)}`);
    path += `${path.includes('?') ? '&' : '?'}${query.join('&')}`;
  }
  const [rawPath = '', rawQuery = ''] = path.split('?');
  const parameters = rawQuery
    .split('&')
    .filter(Boolean)
    .map((pair) => pair.split(/=(.*)/s).slice(0, 2))
    .map(([name = '', value = '']) => [encode(decode(name)), encode(decode(value))] as const);
  parameters.sort(([a, x], [b, y]) => (a < b ? -1 : a > b ? 1 : x < y ? -1 : 1));
  const canonical = [
    method,
    rawPath.split('/').map(encode).join('/'),
    parameters.map(([name, value]) => `${name}=${value}`).join('&'),
    ...names.map((name) => `${name}:${values.get(name)}`),
    '',
    signedHeaders,
    sha256(body),
  ].join('\n');
  let key: Buffer | string = `AWS4${secretAccessKey}`;
  for (const part of scope.split('/')) key = hmac(key, part);
  const toSign = ['AWS4-HMAC-SHA256', date, scope, sha256(canonical)].join('\n');
  const signature = hmac(key, toSign).toString('hex');
  if (isPresigned) return { path: `${path}&X-Amz-Signature=${signature}`, headers: [] };
  const credential = `AWS4-HMAC-SHA256 Credential=${accessKeyId}/${scope}, SignedHeaders=${signedHeaders}, Signature=${signature}`;
  return {
    path,
    headers: [
      ['X-Amz-Date', date],
      ['Authorization', credential],
    ],
  };
}
