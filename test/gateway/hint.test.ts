import { env } from 'cloudflare:workers';
import { SignJWT } from 'jose';
import { beforeAll, describe, expect, it } from 'vitest';
import { mintKeyId, mintTenantId } from '../../src/core/identity/ids.ts';
import { parseRootKeys } from '../../src/core/identity/root-keys.ts';
import { REFUSALS, type RefusalReason } from '../../src/core/refusal.ts';
import { keyCrypto } from '../../src/edge/key-crypto.ts';
import { admin, fetchWorker, ORIGIN } from '../admin/client.ts';
import { type SignedCall, signCall } from '../support/sign.ts';

interface Key {
  readonly id: string;
  readonly apiKey: string;
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
}

const HOST = new URL(ORIGIN).host;
const PATH = '/2015-03-31/functions/f/invocations';
let tenant: string;
let key: Key;

const createTenant = async (policy: object = {}) =>
  (await admin('POST', '/tenants', { name: 'Acme', policy })).body.id as string;
const createKey = async (id: string) => (await admin('POST', `/tenants/${id}/keys`, {})).body as Key;

beforeAll(async () => {
  tenant = await createTenant({ maxPresignedSeconds: 60 });
  key = await createKey(tenant);
});

/** Sends a call that is refused. */
async function refused(headers: Record<string, string>, path = PATH, origin = ORIGIN) {
  const response = await fetchWorker(origin + path, { method: 'POST', headers, body: '{}' });
  const body = (await response.json()) as { message?: string; Message?: string; hint?: string };
  return { reason: response.headers.get('x-postern-refusal'), hint: body.hint, message: body.message ?? body.Message };
}
const signed = (pair: Omit<Key, 'id' | 'apiKey'>, call: Partial<SignedCall> = {}) => {
  const { path, headers } = signCall(HOST, pair, { path: PATH, body: '{}', ...call });
  return refused(headers as Record<string, string>, path);
};
const mistyped = () => `${key.apiKey.slice(0, -1)}${key.apiKey.endsWith('a') ? 'b' : 'a'}`;
const bearer = (text: string) => refused({ authorization: `Bearer ${text}` });
const token = (claims: object) =>
  new SignJWT({ iss: 'https://issuer.example', exp: Math.floor(Date.now() / 1_000) + 60, ...claims })
    .setProtectedHeader({ alg: 'HS256' })
    .sign(new Uint8Array(32));

describe('the hint of a refused credential', () => {
  it.each([
    ['no-credentials', 'Send your Postern key', () => refused({})],
    ['key-malformed', "The key in 'x-api-key' is not", () => refused({ 'x-api-key': 'foo' })],
    ['key-malformed', "The key in 'Authorization' is not", () => bearer('foo')],
    ['key-malformed', "The value of 'Authorization' is not", () => refused({ authorization: 'Basic YTpi' })],
    ['key-malformed', "The value of 'Authorization' is not", () => refused({ authorization: key.apiKey })],
    ['key-malformed', 'copy the whole key', () => refused({ 'x-api-key': key.apiKey.slice(0, -9) })],
    ['key-malformed', 'copy the whole key', () => bearer(`${key.apiKey}a`)],
    ['key-malformed', "The access key id in 'x-api-key' is not", () => refused({ 'x-api-key': key.accessKeyId })],
    ['key-malformed', "The access key id in 'Authorization' is not", () => bearer(key.accessKeyId)],
    ['key-mistyped', "The key in 'x-api-key' is mistyped", () => refused({ 'x-api-key': mistyped() })],
    ['key-mistyped', "The key in 'Authorization' is mistyped", () => bearer(mistyped())],
    ['key-unknown', "The access key id in 'Authorization' was", () => signed({ ...key, accessKeyId: 'A'.repeat(20) })],
    [
      'key-unknown',
      "The access key id in 'X-Amz-Credential' was",
      () => signed({ ...key, accessKeyId: 'A'.repeat(20) }, { expiresSeconds: 60 }),
    ],
    ['credentials-too-long', "The key in 'x-api-key' is longer", () => refused({ 'x-api-key': 'a'.repeat(300) })],
    ['token-malformed', "The token in 'Authorization' cannot", async () => bearer(await token({ aud: 'x' }))],
    ['credentials-ambiguous', 'two credentials', () => refused({ 'x-api-key': 'a', authorization: 'Bearer b' })],
    ['signature-mismatch', 'secret access key', () => signed({ ...key, secretAccessKey: 'wrong' })],
    ['signature-expired', 'clock', () => signed(key, { atMs: Date.now() - 3_600_000 })],
    ['session-token', 'AWS_SESSION_TOKEN', () => signed(key, { headers: { 'x-amz-security-token': 'a' } })],
    ['presigned-too-long', 'X-Amz-Expires', () => signed(key, { expiresSeconds: 3_600 })],
    ['plain-http', 'https://', () => refused({ 'x-api-key': key.apiKey }, PATH, 'http://postern.test')],
    ['function-not-allowed', 'Ask the operator', () => refused({ 'x-api-key': key.apiKey })],
    ['unknown-path', 'POST /2015-03-31/functions/NAME', () => refused({ 'x-api-key': key.apiKey }, '/orders')],
  ] as const)('for %s says: %s', async (reason, words, send) => {
    const answer = await send();
    expect(answer).toEqual({ reason, hint: expect.stringContaining(words), message: expect.any(String) });
    // A body never quotes what it was given.
    for (const secret of [key.apiKey, key.secretAccessKey]) expect(JSON.stringify(answer)).not.toContain(secret);
  });

  it('says that a key was revoked, and of which header it is', async () => {
    const own = await createTenant();
    const revoked = await createKey(own);
    await admin('DELETE', `/tenants/${own}/keys/${revoked.id}`);
    await expect.poll(async () => (await bearer(revoked.apiKey)).reason).toBe('key-revoked');
    expect((await bearer(revoked.apiKey)).hint).toMatch(/^The key in 'Authorization' has been revoked\./);
    expect((await signed(revoked)).hint).toMatch(/^The access key id in 'Authorization' has been revoked\./);
  });

  it('says that the tenant is suspended', async () => {
    const own = await createTenant();
    const { apiKey } = await createKey(own);
    await admin('PATCH', `/tenants/${own}`, { status: 'suspended' });
    await expect.poll(async () => (await bearer(apiKey)).reason).toBe('tenant-suspended');
    expect((await bearer(apiKey)).hint).toContain('suspended');
  });

  it('tells nobody without the secret whether a tenant or key exists', async () => {
    const own = await createTenant();
    const deleted = await createKey(own);
    await admin('DELETE', `/tenants/${own}`);
    await expect.poll(async () => (await signed(deleted)).reason).toBe('key-unknown');
    const rootKeys = parseRootKeys(env.POSTERN_ROOT_KEYS);
    if (!rootKeys.ok) throw new Error(rootKeys.error);
    const never = mintTenantId(keyCrypto, rootKeys.value, 'b', crypto.getRandomValues(new Uint8Array(10)));
    const id = mintKeyId(keyCrypto, rootKeys.value, never, crypto.getRandomValues(new Uint8Array(5)));
    const forged = (accessKeyId: string) => signed({ accessKeyId, secretAccessKey: 'wrong' });
    const live = await forged(key.accessKeyId);
    expect(live.reason).toBe('signature-mismatch');
    expect([await forged(deleted.accessKeyId), await forged(id)]).toEqual([live, live]);
  });

  it('is there for every 403', () => {
    const reasons = Object.keys(REFUSALS) as RefusalReason[];
    const authFamily = /^(no-credentials|credentials-|key-|token-(?!claims)|signature-|session-token|host-not-signed)/;
    expect(reasons.filter((reason) => authFamily.test(reason) && !('hint' in REFUSALS[reason]))).toEqual([]);
  });
});
