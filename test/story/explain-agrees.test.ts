import { isDeepStrictEqual } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Explanation } from '../../src/admin/explain/schema.ts';
import { REFUSALS, type RefusalReason } from '../../src/core/refusal.ts';
import {
  ALLOWED_IP,
  type CallCase,
  type LimitCase,
  type PlannedCall,
  sampleTenants,
  type TenantCase,
} from '../support/explain-cases.ts';
import { admin, seenCalls, send, startPostern } from '../support/postern.ts';
import type { RunningPostern } from '../support/running-postern.ts';
import { type KeyPair, signCall } from '../support/sign.ts';

const isProof = process.env.POSTERN_PROVE === '1';
const SEED = Number(process.env.POSTERN_PROPERTY_SEED ?? 13);
const TENANTS = isProof ? 480 : 48;
const CALLS_EACH = 14;
const AT_ONCE = 6;

/** Reasons that only a real request can give, or only a gateway whose state or settings are broken. */
const ONLY_A_REQUEST: readonly RefusalReason[] = [
  ...(['unknown-path', 'method-not-allowed', 'uri-too-long', 'parameters-too-many', 'host-not-served'] as const),
  'headers-too-many',
  ...(['no-credentials', 'credentials-ambiguous', 'credentials-too-long', 'plain-http'] as const),
  ...(['signature-too-large', 'payload-not-signed', 'signature-ambiguous', 'signature-incomplete'] as const),
  ...(['host-not-signed', 'signature-expired', 'signature-scope', 'session-token', 'header-not-signed'] as const),
  ...(['signature-mismatch', 'key-malformed', 'key-mistyped'] as const),
  ...(['token-malformed', 'token-audience', 'token-not-accepted', 'token-expired', 'token-claims'] as const),
  ...(['issuer-unavailable', 'busy', 'payload-incomplete', 'content-type', 'payload-not-json'] as const),
  ...(['query-malformed', 'parameter-repeated', 'parameter-unknown', 'argument-repeated'] as const),
  ...(['log-type', 'client-context', 'client-context-too-long'] as const),
  ...(['limits-unavailable', 'upstream-credentials', 'upstream-access-denied', 'upstream-unreachable'] as const),
  ...(['upstream-timeout', 'caller-left', 'state-unavailable', 'misconfigured', 'internal'] as const),
  'durable-names-unavailable',
];
const BOTH = (Object.keys(REFUSALS) as RefusalReason[]).filter((reason) => !ONLY_A_REQUEST.includes(reason));

interface Key extends KeyPair {
  readonly id: string;
  readonly apiKey: string;
}

/** Plenty of everything, but for what is to be used up by one call. */
const limitsOf = (limit: LimitCase) => {
  if (limit === 'none') return {};
  const [period, unit] = limit.split('-');
  const quota = { period: 'year', requests: 1_000_000, payloadBytes: 100_000_000 };
  const usedUp = unit === 'bytes' ? { payloadBytes: 100 } : { requests: 1 };
  return {
    rate: limit === 'rate' ? { perSecond: 0.001, burst: 1 } : { perSecond: 10_000, burst: 10_000 },
    concurrency: limit === 'concurrency' ? 1 : 1_000,
    quotas: ['day', 'week', 'month'].map((one) => ({ ...quota, period: one, ...(one === period && usedUp) })),
  };
};
const payloadOf = (bytes: number) => (bytes < 2 ? '1'.repeat(bytes) : `"${'x'.repeat(bytes - 2)}"`);

const pathOf = ({ function: name, operation = 'Invoke' }: PlannedCall) => {
  const encoded = encodeURIComponent(name);
  if (operation === 'Invoke') return `/2015-03-31/functions/${encoded}/invocations`;
  if (operation === 'InvokeAsync') return `/2014-11-13/functions/${encoded}/invoke-async`;
  return `/2021-11-15/functions/${encoded}/response-streaming-invocations`;
};

const headersOf = ({ type, logType, clientContext, tenantId, durableExecutionName, ip, origin }: PlannedCall) =>
  Object.fromEntries(
    Object.entries({
      'content-type': 'application/json',
      'x-amz-invocation-type': type,
      'x-amz-log-type': logType,
      'x-amz-client-context': clientContext && btoa('{"client":{}}'),
      'x-amz-tenant-id': tenantId,
      'x-amz-durable-execution-name': durableExecutionName,
      'cf-connecting-ip': ip ?? ALLOWED_IP,
      origin,
    }).filter((entry): entry is [string, string] => entry[1] !== undefined),
  );

/** Makes the call as a caller would. @returns the reason of its refusal; null if it was forwarded, whatever Lambda says. */
async function make({ gateway }: RunningPostern, region: string, { call, shown }: CallCase, key: Key) {
  const { qualifier, payloadBytes, presignedSeconds } = call;
  const path = pathOf(call);
  const headers = headersOf(call);
  const body = payloadOf(payloadBytes);
  const query = qualifier === undefined ? [] : ([['Qualifier', qualifier]] as const);
  const isSigned = presignedSeconds !== undefined || shown === 'signed' || key.apiKey === '';
  const signed = { path, query, headers, body, region, ...(presignedSeconds && { expiresSeconds: presignedSeconds }) };
  const search = qualifier === undefined ? '' : `?Qualifier=${encodeURIComponent(qualifier)}`;
  const proof = shown === 'bearer' ? { authorization: `Bearer ${key.apiKey}` } : { 'x-api-key': key.apiKey };
  const request = isSigned
    ? signCall(new URL(gateway).host, key, signed)
    : { path: path + search, headers: { ...headers, ...proof }, body };
  const answer = await send(gateway, request.path, request);
  const reason = answer.headers['x-postern-refusal']?.toString() ?? null;
  return reason?.startsWith('upstream-') ? null : reason;
}

/** Makes a tenant that may call anything, uses its limit up, and only then gives it its policy. */
async function furnish(
  postern: RunningPostern,
  { policy, status, upstream, limit, ...more }: Omit<TenantCase, 'calls'>,
) {
  const limits = limitsOf(limit);
  const open = { name: 'agrees', policy: { allow: [{ function: '*' }] }, limits };
  const path = `/tenants/${(await admin<{ id: string }>(postern, 'POST', '/tenants', open)).body.id}`;
  const addKey = async () => (await admin<Key>(postern, 'POST', `${path}/keys`, {})).body;
  const [live, revoked, expired] = [await addKey(), await addKey(), await addKey()];
  await admin(postern, 'DELETE', `${path}/keys/${revoked.id}`);
  await admin(postern, 'POST', `${path}/keys/${expired.id}/rotate`, { graceSeconds: 0 });
  const unknown = { id: 'AKIDEXAMPLE000000000', accessKeyId: 'AKIDEXAMPLE000000000', secretAccessKey: 'x', apiKey: '' };
  if (limit === 'concurrency') await occupy(postern, live);
  else if (limit !== 'none' && limit !== 'plenty') {
    const once = { call: { function: 'hello', payloadBytes: 100 }, key: 'live', shown: 'x-api-key' } as const;
    expect(await make(postern, '', once, live)).toBeNull();
    expect(await make(postern, '', once, live)).toBe(`limit-${limit}`);
  }
  const change = { policy, status, upstream, limits: { maxPayloadBytes: more.maxPayloadBytes ?? null } };
  const changed = await admin<object>(postern, 'PATCH', path, change);
  expect([changed.status, changed.body]).toEqual([200, expect.anything()]);
  return { path, keys: { live, any: live, revoked, expired, unknown } };
}

let occupied = 0;
/** Has a function run that ends when the test does. */
async function occupy({ gateway, lambda }: RunningPostern, { apiKey }: Key) {
  const mark = 2_000 + occupied++;
  const body = JSON.stringify({ ms: 600_000, pad: '' }).padEnd(mark);
  const headers = { 'x-api-key': apiKey, 'content-type': 'application/json' };
  void send(gateway, '/2015-03-31/functions/slow/invocations', { headers, body }).catch(() => {});
  await expect.poll(async () => (await seenCalls(lambda)).some(({ bodyBytes }) => bodyBytes === mark)).toBe(true);
}

/** One call: what `explain` said of it, and what became of it. */
interface Seen {
  readonly explained: { readonly allowed: boolean; readonly reason: string | null };
  readonly got: { readonly allowed: boolean; readonly reason: string | null };
  readonly asked: object;
  readonly shown: CallCase['shown'];
  readonly tenant: Omit<TenantCase, 'calls'>;
}

/** Asks `explain` about each call of a tenant, and then makes it. */
async function compare(postern: RunningPostern, { calls, ...tenant }: TenantCase): Promise<Seen[]> {
  const { path, keys } = await furnish(postern, tenant);
  const seen: Seen[] = [];
  for (const one of calls) {
    const key = keys[one.key];
    const asked = { ...one.call, ...(one.key !== 'any' && { keyId: key.id }) };
    const { status, body } = await admin<Explanation>(postern, 'POST', `${path}/explain`, asked);
    expect(status).toBe(200);
    const { allowed, reason } = body;
    const got = await make(postern, tenant.upstream.region ?? 'us-east-1', one, key);
    const { shown } = one;
    seen.push({ explained: { allowed, reason }, got: { allowed: got === null, reason: got }, asked, shown, tenant });
  }
  return seen;
}

describe('explain', () => {
  let posterns: RunningPostern[] = [];
  beforeAll(async () => {
    posterns = await Promise.all([startPostern(), startPostern({ env: { POSTERN_LAMBDA_NAMES: 'name' } })]);
  });
  afterAll(async () => {
    await Promise.all(posterns.map((one) => one.stop()));
  });

  it('gives the outcome and the reason that the gateway gives, for any tenant and call', async () => {
    const tenants = sampleTenants(TENANTS, CALLS_EACH, SEED);
    const queue = tenants.values();
    const seen: Seen[] = [];
    const work = async () => {
      for (const tenant of queue) {
        const postern = posterns[tenant.names === 'arn' ? 0 : 1];
        if (postern) seen.push(...(await compare(postern, tenant)));
      }
    };
    await Promise.all(Array.from({ length: AT_ONCE }, work));
    const counts: Record<string, number> = {};
    for (const { got } of seen) counts[got.reason ?? 'allowed'] = (counts[got.reason ?? 'allowed'] ?? 0) + 1;
    console.log(JSON.stringify({ seed: SEED, calls: seen.length, counts }));
    const differing = seen.filter(({ explained, got }) => !isDeepStrictEqual(explained, got));
    expect(differing.slice(0, 5), `of ${differing.length}, by POSTERN_PROPERTY_SEED=${SEED}`).toEqual([]);
    expect(seen).toHaveLength(tenants.reduce((sum, { calls }) => sum + calls.length, 0));
    expect((counts.allowed ?? 0) / seen.length).toBeGreaterThan(1 / 3);
    expect(BOTH.filter((reason) => !(reason in counts))).toEqual([]);
  });
});
