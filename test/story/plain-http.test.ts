import { expect, it } from 'vitest';
import { invokePath, send } from '../support/postern.ts';
import { usePostern } from '../support/use-postern.ts';

const postern = usePostern();

/** What becomes of a key and of the admin token, sent over plain HTTP with these headers. */
const outcomes = async (headers: Readonly<Record<string, string>>) => {
  const { gateway, demo, adminToken } = postern;
  const call = await send(gateway, invokePath('hello'), {
    headers: { ...headers, 'x-api-key': demo.apiKey, 'content-type': 'application/json' },
    body: '{}',
  });
  const admin = await send(gateway, '/admin/v1/tenants', {
    method: 'GET',
    headers: { ...headers, authorization: `Bearer ${adminToken}` },
  });
  return [call.headers['x-postern-refusal'] ?? call.status, admin.status];
};

it('B7: takes a key and the admin token over plain HTTP within this machine', async () => {
  expect(await outcomes({})).toEqual([200, 200]);
});

it.each([
  { host: 'gateway.example' },
  { host: 'gateway.example', 'x-forwarded-proto': 'https' },
  { 'x-forwarded-for': '192.0.2.1' },
  { 'x-forwarded-port': '443' },
  { forwarded: 'for=192.0.2.1' },
  { 'x-real-ip': '127.0.0.1' },
  { via: '1.1 proxy' },
])('B7: refuses them over plain HTTP with %j', async (headers) => {
  expect(await outcomes(headers)).toEqual(['plain-http', 403]);
});
