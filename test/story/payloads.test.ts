import { describe, expect, it } from 'vitest';
import { admin, invokePath, makeTenant, send, takeCalls } from '../support/postern.ts';
import { type SignedCall, signCall } from '../support/sign.ts';
import { usePostern } from '../support/use-postern.ts';

const postern = usePostern();
const streamPath = '/2021-11-15/functions/stream/response-streaming-invocations';
const asyncPath = '/2014-11-13/functions/hello/invoke-async';

const tenantWith = async (policy: object, limits: object = {}) => {
  const tenant = await makeTenant(postern, [], { policy, limits });
  const path = `/tenants/${tenant.id}/keys`;
  const pair = await admin<{ accessKeyId: string; secretAccessKey: string }>(postern, 'POST', path, {});
  const { accessKeyId, secretAccessKey } = pair.body;
  return { ...tenant, accessKeyId, secretAccessKey };
};
type Tenant = Awaited<ReturnType<typeof tenantWith>>;
const call = ({ apiKey }: Tenant, body: string, headers: Record<string, string> = {}, path = invokePath('hello')) =>
  send(postern.gateway, path, {
    headers: { 'x-api-key': apiKey, 'content-type': 'application/json', ...headers },
    body,
  });
const callSigned = (key: Tenant, signed: SignedCall) => {
  const { path, headers, body } = signCall(new URL(postern.gateway).host, key, signed);
  return send(postern.gateway, path, { headers, body });
};
const said = ({ status, headers, body }: Awaited<ReturnType<typeof call>>) =>
  [status, headers['x-postern-refusal'] ?? '', /"[Mm]essage":"([^"]*)"/.exec(body.toString())?.[1]] as const;
const json = (bytes: number) => JSON.stringify('x'.repeat(bytes - 2));
const anything = { allow: [{ function: '*' }] };

describe('D2: the content type of a payload', () => {
  it('of any kind is taken from a lenient tenant, if the payload is JSON', async () => {
    const lenient = await tenantWith({ ...anything, contentTypes: 'lenient' });
    const strict = await tenantWith(anything);
    const types = ['text/plain;charset=UTF-8', 'application/x-www-form-urlencoded', 'image/png', 'a,b'];
    for (const type of types) {
      expect((await call(lenient, '{"a":1}', { 'content-type': type })).status).toBe(200);
      expect(said(await call(lenient, 'a=1', { 'content-type': type })).slice(0, 2)).toEqual([400, 'payload-not-json']);
    }
    for (const type of types.slice(0, 3)) {
      expect(said(await call(strict, '{"a":1}', { 'content-type': type })).slice(0, 2)).toEqual([415, 'content-type']);
    }
    const signed = { path: invokePath('hello'), headers: { 'content-type': 'text/plain' }, body: '{}' };
    expect((await callSigned(lenient, signed)).status).toBe(200);
    expect((await callSigned(lenient, { ...signed, expiresSeconds: 60 })).status).toBe(200);
  });

  it('may spell UTF-8 without a hyphen, and name no other charset', async () => {
    const strict = await tenantWith(anything);
    for (const charset of ['UTF8', 'utf8', '"utf8"', 'utf-8']) {
      expect((await call(strict, '{}', { 'content-type': `application/json;charset=${charset}` })).status).toBe(200);
    }
    for (const charset of ['utf80', 'utf16', 'latin1']) {
      expect((await call(strict, '{}', { 'content-type': `application/json;charset=${charset}` })).status).toBe(415);
    }
  });
});

describe('D16: a payload that is too large is refused with the limit that it exceeds', () => {
  it('the operation’s, by its type', async () => {
    const tenant = await tenantWith(anything);
    const event = await call(tenant, json(1_048_577), { 'x-amz-invocation-type': 'Event' });
    expect(said(event)).toEqual([
      413,
      'payload-too-large',
      '1048577 byte payload is too large for the Event invocation type (limit 1048576 bytes)',
    ]);
    expect(said(await call(tenant, json(262_145), {}, asyncPath))[2]).toBe(
      '262145 byte payload is too large for the InvokeAsync operation (limit 262144 bytes)',
    );
  });

  it('the tenant’s or the rule’s, whichever is narrower', async () => {
    const tenant = await tenantWith(
      {
        allow: [
          { function: 'h*', maxPayloadBytes: 50 },
          { function: '*', types: ['ResponseStream', 'RequestResponse'] },
        ],
      },
      { maxPayloadBytes: 100 },
    );
    const ofTenant = "101 byte payload is too large: this tenant's 'maxPayloadBytes' is 100 bytes";
    expect(said(await call(tenant, json(101)))).toEqual([413, 'payload-too-large', ofTenant]);
    expect(said(await call(tenant, json(101), {}, streamPath))[2]).toBe(ofTenant);
    expect(said(await callSigned(tenant, { path: invokePath('hello'), body: json(101) }))[2]).toBe(ofTenant);
    const event = await call(tenant, json(51), { 'x-amz-invocation-type': 'Event' });
    expect(said(event)[2]).toContain("has a 'maxPayloadBytes' of 50 bytes");
    const explained = await admin<{ message: string }>(postern, 'POST', `/tenants/${tenant.id}/explain`, {
      function: 'hello',
      payloadBytes: 101,
    });
    expect(explained.body.message).toBe(ofTenant);
  });
});

describe('D11: quotas', () => {
  it('a payload larger than a whole quota is 413, and one that is only too large for today 429', async () => {
    const tenant = await tenantWith(anything, { quotas: [{ period: 'month', payloadBytes: 1_000 }] });
    const never = [
      413,
      'payload-too-large',
      "1001 byte payload is too large: it can never fit in the quota 'month-bytes' of 1000 bytes",
    ];
    expect(said(await call(tenant, json(1_001)))).toEqual(never);
    expect(said(await call(tenant, json(1_001)))).toEqual(never);
    expect(said(await callSigned(tenant, { path: invokePath('hello'), body: json(1_001) }))).toEqual(never);
    expect((await call(tenant, json(900))).status).toBe(200);
    expect(said(await call(tenant, json(1_001)))).toEqual(never);
    const late = await call(tenant, json(200));
    expect(said(late).slice(0, 2)).toEqual([429, 'limit-month-bytes']);
    const reset = Number(/;t=(\d+)/.exec(String(late.headers.ratelimit))?.[1]);
    expect(Number(late.headers['retry-after'])).toBe(Math.min(20, reset));
    expect(said(late)[2]).toMatch(/The next month begins in \d+ seconds/);
    expect((await takeCalls(postern.lambda)).length).toBe(1);
  });
});
