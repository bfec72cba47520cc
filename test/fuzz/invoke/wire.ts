import { request as httpRequest } from 'node:http';
import type { Plan } from './grammar.ts';
import type { Meaning } from './model.ts';
import { sign } from './sign.ts';
import { TENANTS, type TenantName } from './world.ts';

/** A tenant's keys: one that lives, and one that does not any more. */
export interface Keys {
  readonly apiKey: string;
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly revoked: string;
}

/** A request as it goes on the wire. */
export interface WireRequest {
  readonly method: string;
  readonly path: string;
  readonly headers: readonly (readonly [string, string])[];
  readonly body: Buffer;
  readonly chunked: boolean;
}

/** Faults of identity, by credential; a presigned or signed request may fall to any check of its kind. */
const IDENTITY_FAULTS: Readonly<Record<string, readonly string[]>> = {
  none: ['no-credentials'],
  both: ['credentials-ambiguous'],
  mistyped: ['key-mistyped', 'key-malformed'],
  malformed: ['key-malformed'],
  revoked: ['key-revoked', 'key-unknown'],
  'wrong-secret': ['signature-mismatch'],
  'body-changed': ['signature-mismatch'],
  'argument-changed': ['signature-mismatch'],
  'argument-added': ['header-not-signed', 'signature-mismatch'],
  'path-changed': ['signature-mismatch'],
  'query-changed': ['signature-mismatch', 'query-malformed'],
  expired: ['signature-expired'],
  'wrong-service': ['signature-scope'],
  'unknown-region': ['signature-scope'],
};

const SIGNED_KINDS = new Set([
  'wrong-secret',
  'body-changed',
  'argument-changed',
  'argument-added',
  'path-changed',
  'query-changed',
  'expired',
  'wrong-service',
  'unknown-region',
  'signed',
]);
const ARGUMENTS = [
  ['invocationType', 'X-Amz-Invocation-Type'],
  ['logType', 'X-Amz-Log-Type'],
  ['clientContext', 'X-Amz-Client-Context'],
  ['tenantId', 'X-Amz-Tenant-Id'],
  ['durableName', 'X-Amz-Durable-Execution-Name'],
] as const;

const payloadOf = ({ payload }: Plan): Buffer =>
  Buffer.from(payload.repeat > 0 ? `"${'x'.repeat(payload.repeat - 2)}"` : payload.text);

/** What no signature can cover: a query that has no meaning, and a path that a signer would make another one of. */
function unsignable({ credential, moreQuery, function: { wire } }: Plan): string[] {
  const isSigned = credential === 'signed';
  if (moreQuery.faults.length > 0 && credential === 'presigned') return ['no-credentials', 'query-malformed'];
  if (moreQuery.faults.length > 0 && isSigned) return ['signature-mismatch', 'query-malformed'];
  return (isSigned || credential === 'presigned') && /^\.+$/.test(wire) ? ['signature-mismatch', 'function-name'] : [];
}

/** What a plan means. */
export function meaningOf(plan: Plan): Meaning {
  const bytes = payloadOf(plan);
  const route =
    plan.path.fault === undefined
      ? plan.method === 'POST'
        ? []
        : ['method-not-allowed']
      : [plan.path.fault, 'method-not-allowed'];
  return {
    tenant: TENANTS[plan.tenant],
    route,
    identity: [...(IDENTITY_FAULTS[plan.credential] ?? []), ...unsignable(plan)],
    ...(plan.credential === 'presigned' && { presignedSeconds: plan.presignedSeconds }),
    operation: plan.operation,
    function: plan.function.means,
    qualifier: plan.qualifier.means,
    query: plan.moreQuery.faults,
    invocationType: plan.invocationType.means,
    logType: plan.logType.means,
    clientContext: plan.clientContext.means,
    tenantId: plan.tenantId.means,
    durableName: plan.durableName.means,
    contentType: plan.contentType.faults,
    payload: { bytes, faults: bytes.length > 0 ? plan.payload.faults : [] },
  };
}

/** Writes a plan as its caller would send it; signed by a signer that shares no code with the gateway. */
export function writeRequest(plan: Plan, host: string, keys: Readonly<Record<TenantName, Keys>>): WireRequest {
  const { credential, method } = plan;
  const key = keys[plan.tenant];
  const body = payloadOf(plan);
  const query = [plan.qualifier.wire, plan.moreQuery.wire].filter(Boolean).join('&');
  let path = `${plan.path.prefix}${plan.function.wire}${plan.path.suffix}${query && `?${query}`}`;
  // A line break represents a header that is sent twice.
  const args = ARGUMENTS.flatMap(([member, name]) =>
    (plan[member].wire ?? [])
      .toString()
      .split('\n')
      .filter(Boolean)
      .map((value) => [name, value] as const),
  );
  const type = plan.contentType.wire === undefined ? [] : [['Content-Type', plan.contentType.wire] as const];
  const headers: (readonly [string, string])[] = [...plan.noise, ...type, ...args];

  if (SIGNED_KINDS.has(credential) || credential === 'presigned') {
    const signed = sign({
      method,
      path,
      headers: [['host', host], ...type, ...args, ...plan.noise.filter(([name]) => name.startsWith('x-amz-'))],
      body: credential === 'body-changed' ? `${body.toString()} ` : body,
      service: credential === 'wrong-service' ? 's3' : 'lambda',
      region: credential === 'unknown-region' ? 'mars-east-1' : 'us-east-1',
      at: new Date(Date.now() - (credential === 'expired' ? 400_000 : 0)),
      accessKeyId: key.accessKeyId,
      secretAccessKey: credential === 'wrong-secret' ? `${key.secretAccessKey}x` : key.secretAccessKey,
      ...(credential === 'presigned' && { expiresSeconds: plan.presignedSeconds }),
    });
    headers.push(...signed.headers);
    path = signed.path;
    if (credential === 'argument-changed') headers.splice(0, headers.length, ...changeDate(headers));
    if (credential === 'argument-added') headers.push(['X-Amz-Added', 'x'], ['X-Amz-Tenant-Id', 'added']);
    if (credential === 'path-changed') path = path.replace('/functions/', '/functions/x');
    if (credential === 'query-changed') path += `${path.includes('?') ? '&' : '?'}added=1`;
  } else if (credential === 'bearer') headers.push(['Authorization', `Bearer ${key.apiKey}`]);
  else if (credential === 'both') headers.push(['Authorization', `Bearer ${key.apiKey}`], ['x-api-key', key.apiKey]);
  else if (credential === 'mistyped')
    headers.push(['x-api-key', key.apiKey.replace(/.$/, (last) => (last === 'a' ? 'b' : 'a'))]);
  else if (credential === 'malformed') headers.push(['x-api-key', 'nonsense']);
  else if (credential === 'revoked') headers.push(['x-api-key', key.revoked]);
  else if (credential === 'api-key') headers.push(['X-Api-Key', key.apiKey]);
  return { method, path, headers, body, chunked: plan.chunked && method === 'POST' };
}

/** Changes a signed header behind the signature's back. */
function changeDate(headers: readonly (readonly [string, string])[]): (readonly [string, string])[] {
  return headers.map(([name, value]) =>
    name === 'X-Amz-Date' ? [name, value.replace(/.Z$/, (end) => (end === '1Z' ? '2Z' : '1Z'))] : [name, value],
  );
}

export interface WireAnswer {
  readonly status: number;
  readonly refusal: string | undefined;
  readonly body: Buffer;
}

export function sendRequest(
  origin: string,
  { method, path, headers, body, chunked }: WireRequest,
): Promise<WireAnswer> {
  const { promise, resolve, reject } = Promise.withResolvers<WireAnswer>();
  const { hostname, port, host } = new URL(origin);
  const framing = chunked ? ['transfer-encoding', 'chunked'] : ['content-length', String(body.length)];
  const raw = ['host', host, ...framing, ...headers.flat()];
  const request = httpRequest({ hostname, port, path, method, headers: raw as never, agent: false, setHost: false });
  request
    .on('response', async (response) => {
      const refusal = response.headers['x-postern-refusal'];
      const pieces = await response.toArray().catch(() => []);
      resolve({
        status: response.statusCode ?? 0,
        refusal: refusal === undefined ? undefined : String(refusal),
        body: Buffer.concat(pieces),
      });
    })
    .on('error', reject)
    .end(body);
  return promise;
}
