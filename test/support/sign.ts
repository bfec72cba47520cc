import { createHash, createHmac } from 'node:crypto';

/** What a signed caller has. */
export interface KeyPair {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
}

export interface SignedCall {
  readonly path: string;
  readonly query?: readonly (readonly [string, string])[];
  /** As they are signed; several lines of one header are joined with a comma. */
  readonly headers?: Readonly<Record<string, string | readonly string[]>>;
  readonly body?: string;
  readonly atMs?: number;
  readonly region?: string;
  /** Signed in the query, to live so long; null: without saying how long. */
  readonly expiresSeconds?: number | null;
  /** In place of the names of the headers. */
  readonly signedHeaders?: string;
}

const sha256 = (text: string) => createHash('sha256').update(text).digest('hex');
const hmac = (key: Uint8Array, text: string) => createHmac('sha256', key).update(text);
const encode = (text: string) =>
  encodeURIComponent(text).replace(/[!'()*]/g, (char) => `%${char.charCodeAt(0).toString(16).toUpperCase()}`);

/**
 * Signs a call word for word as AWS's guide has it ("Create a signed AWS API request"), with nothing of the gateway's code
 * and without the corrections of a library: odd input goes out as it is given.
 */
export function signCall(host: string, { accessKeyId, secretAccessKey }: KeyPair, call: SignedCall) {
  const { path, query = [], headers = {}, body = '', atMs = Date.now(), region = 'us-east-1' } = call;
  const longDate = new Date(atMs).toISOString().replace(/[-:]|\.\d{3}/g, '');
  const scope = `${longDate.slice(0, 8)}/${region}/lambda/aws4_request`;
  const isPresigned = call.expiresSeconds !== undefined;
  const sent = { host, ...headers, ...(!isPresigned && { 'x-amz-date': longDate }) };
  const names = Object.keys(sent).sort();
  const signedHeaders = call.signedHeaders ?? names.join(';');
  const parameters: (readonly [string, string])[] = [...query];
  if (isPresigned) {
    parameters.push(['X-Amz-Algorithm', 'AWS4-HMAC-SHA256'], ['X-Amz-Credential', `${accessKeyId}/${scope}`]);
    parameters.push(['X-Amz-Date', longDate], ['X-Amz-SignedHeaders', signedHeaders]);
    if (call.expiresSeconds !== null) parameters.push(['X-Amz-Expires', String(call.expiresSeconds)]);
  }
  const rawQuery = parameters.map(([name, value]) => `${encode(name)}=${encode(value)}`);
  const lines = Object.entries(sent).sort(([a], [b]) => (a < b ? -1 : 1));
  const canonical = [
    'POST',
    path.split('/').map(encode).join('/'),
    rawQuery.toSorted().join('&'),
    ...lines.map(([name, value]) => `${name}:${[value].flat().join(',')}`),
    '',
    signedHeaders,
    sha256(body),
  ].join('\n');
  let key: Uint8Array = new TextEncoder().encode(`AWS4${secretAccessKey}`);
  for (const part of scope.split('/')) key = hmac(key, part).digest();
  const signature = hmac(key, `AWS4-HMAC-SHA256\n${longDate}\n${scope}\n${sha256(canonical)}`).digest('hex');
  const authorization = `AWS4-HMAC-SHA256 Credential=${accessKeyId}/${scope}, SignedHeaders=${signedHeaders}, Signature=${signature}`;
  if (isPresigned) rawQuery.push(`X-Amz-Signature=${signature}`);
  const onWire: Record<string, string | string[]> = {};
  for (const [name, value] of Object.entries(sent)) onWire[name] = typeof value === 'string' ? value : [...value];
  return {
    path: rawQuery.length > 0 ? `${path}?${rawQuery.join('&')}` : path,
    headers: { ...onWire, ...(!isPresigned && { authorization }) },
    body,
  };
}

/** A call with a wrong signature, as anyone who knows a key's id can send it. */
export function forgeCall(host: string, accessKeyId: string, call: SignedCall) {
  return signCall(host, { accessKeyId, secretAccessKey: 'not the secret' }, call);
}
