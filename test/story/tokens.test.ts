import { createServer } from 'node:http';
import { exportJWK, generateKeyPair, type JWTPayload, SignJWT } from 'jose';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { admin, invokePath, makeTenant, send, takeCalls } from '../support/postern.ts';
import { usePostern } from '../support/use-postern.ts';

const postern = usePostern();

/** An OpenID Connect issuer on this machine. */
const issuer = {
  url: '',
  keys: [] as object[],
  asked: [] as string[],
};
const server = createServer((request, response) => {
  issuer.asked.push(request.url ?? '');
  const body = request.url === '/jwks' ? { keys: issuer.keys } : { issuer: issuer.url, jwks_uri: `${issuer.url}/jwks` };
  response.setHeader('content-type', 'application/json').end(JSON.stringify(body));
});

type Signer = Awaited<ReturnType<typeof generateKeyPair>>['privateKey'];
const signers = new Map<string, Signer>();
const addKey = async (kid: string, alg: string) => {
  const { publicKey, privateKey } = await generateKeyPair(alg);
  issuer.keys.push({ ...(await exportJWK(publicKey)), kid, alg, use: 'sig' });
  signers.set(kid, privateKey);
};

beforeAll(async () => {
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
  const address = server.address();
  issuer.url = `http://127.0.0.1:${typeof address === 'object' && address ? address.port : 0}`;
  await addKey('es', 'ES256');
  await addKey('rs', 'RS256');
});
afterAll(() => server.close());

interface TokenOptions {
  readonly kid?: string;
  readonly alg?: string;
  readonly claims?: JWTPayload;
  readonly seconds?: number;
}
const mint = (tenantId: string, { kid = 'es', alg = 'ES256', claims = {}, seconds = 60 }: TokenOptions = {}) =>
  new SignJWT({ iss: issuer.url, aud: `postern:${tenantId}`, sub: 'build-7', ...claims })
    .setProtectedHeader({ alg, kid })
    .setIssuedAt()
    .setExpirationTime(Math.floor(Date.now() / 1_000) + seconds)
    .sign(signers.get(kid) as Signer);

const call = (token: string, name = 'hello') =>
  send(postern.gateway, invokePath(name), {
    headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
    body: '{}',
  });
const outcome = async (token: string, name?: string) => {
  const { status, headers } = await call(token, name);
  return headers['x-postern-refusal'] ?? status;
};
const trusting = (more: object = {}) =>
  makeTenant(postern, [{ function: 'hello' }], {
    issuers: [{ issuer: issuer.url, claims: { sub: ['build-*'] } }],
    ...more,
  });

describe('a caller with a token of an issuer that its tenant names', () => {
  let tenant: Awaited<ReturnType<typeof trusting>>;
  beforeEach(async () => {
    tenant = await trusting();
  });

  it('calls what the policy allows, by any of the issuer’s keys, and the token goes no further', async () => {
    const token = await mint(tenant.id);
    expect(await outcome(token)).toBe(200);
    expect(await outcome(await mint(tenant.id, { kid: 'rs', alg: 'RS256' }))).toBe(200);
    expect(await outcome(token, 'echo')).toBe('function-not-allowed');
    const calls = await takeCalls(postern.lambda);
    expect(calls).toHaveLength(2);
    expect(JSON.stringify(calls)).not.toContain(token);
    expect(postern.log()).not.toContain(token);
  });

  it('is held to the tenant’s limits as any other', async () => {
    const limited = await trusting({ limits: { quotas: [{ period: 'day', requests: 1 }] } });
    expect(await outcome(await mint(limited.id))).toBe(200);
    expect(await outcome(await mint(limited.id))).toBe('limit-day-requests');
  });

  it('is refused when the token is not what it has to be', async () => {
    const other = await makeTenant(postern, [{ function: 'hello' }]);
    const good = await mint(tenant.id);
    const [head = '', body = '', signature = ''] = good.split('.');
    const b64 = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url');
    const secret = new TextEncoder().encode(JSON.stringify(issuer.keys[0]).padEnd(64, ' '));
    const byPublicKey = await new SignJWT(JSON.parse(Buffer.from(body, 'base64url').toString()))
      .setProtectedHeader({ alg: 'HS256', kid: 'es' })
      .sign(secret);
    const cases: Record<string, [string, string]> = {
      'no signature': [`${b64({ alg: 'none' })}.${body}.AA`, 'token-malformed'],
      'a signature with what everybody knows': [byPublicKey, 'token-malformed'],
      'another body': [
        `${head}.${b64({ ...JSON.parse(Buffer.from(body, 'base64url').toString()), sub: 'build-8' })}.${signature}`,
        'token-not-accepted',
      ],
      'an unknown key': [`${b64({ alg: 'ES256', kid: 'invented' })}.${body}.${signature}`, 'token-not-accepted'],
      'an invented tenant': [
        await mint(`${tenant.id.slice(0, -1)}${tenant.id.endsWith('a') ? 'b' : 'a'}`),
        'token-audience',
      ],
      'no audience of ours': [await mint('', { claims: { aud: 'https://api.example.com' } }), 'token-audience'],
      'a tenant that names no issuer': [await mint(other.id), 'token-not-accepted'],
      'another issuer': [await mint(tenant.id, { claims: { iss: 'https://login.example.com' } }), 'token-not-accepted'],
      'its time over': [await mint(tenant.id, { seconds: -11 }), 'token-expired'],
      'its time not come': [
        await mint(tenant.id, { claims: { nbf: Math.floor(Date.now() / 1_000) + 60 } }),
        'token-not-accepted',
      ],
      'another subject': [await mint(tenant.id, { claims: { sub: 'deploy-7' } }), 'token-claims'],
    };
    const outcomes = await Promise.all(
      Object.entries(cases).map(async ([name, [token]]) => [name, await outcome(token)]),
    );
    expect(Object.fromEntries(outcomes)).toEqual(
      Object.fromEntries(Object.entries(cases).map(([name, [, reason]]) => [name, reason])),
    );
    expect(await takeCalls(postern.lambda)).toEqual([]);
  });

  it('B13: lives for at most 366 days, and its end is a time', async () => {
    const days = 24 * 3_600;
    expect(await outcome(await mint(tenant.id, { seconds: 365 * days }))).toBe(200);
    for (const seconds of [366 * days + 3_600, 100 * 366 * days, 1e15, 1e308]) {
      expect(await outcome(await mint(tenant.id, { seconds })), String(seconds)).toBe('token-malformed');
    }
    const [head = '', body = '', signature = ''] = (await mint(tenant.id)).split('.');
    const claims = Buffer.from(body, 'base64url').toString();
    for (const exp of ['1e999', '-1e308', '"1e308"', 'null']) {
      const other = Buffer.from(claims.replace(/"exp":\d+/, `"exp":${exp}`)).toString('base64url');
      expect(await outcome([head, other, signature].join('.')), exp).toBe('token-malformed');
    }
  });

  it('B13: of any life, and forged, tells nothing of which tenant names its issuer, or is there at all', async () => {
    const stranger = await makeTenant(postern, [{ function: 'hello' }]);
    const gone = await trusting();
    await admin(postern, 'DELETE', `/tenants/${gone.id}`);
    const other = (await mint(tenant.id, { seconds: 61 })).split('.')[2] ?? '';
    const forge = async (tenantId: string, seconds: number) =>
      [...(await mint(tenantId, { seconds })).split('.').slice(0, 2), other].join('.');
    const reasons: unknown[] = [];
    for (const seconds of [60, -3_600, 367 * 24 * 3_600, 1e308]) {
      issuer.asked.length = 0;
      const answers = [];
      for (const { id } of [tenant, stranger, gone]) {
        const { status, headers, body } = await call(await forge(id, seconds));
        answers.push([status, headers['x-postern-refusal'], body.toString()]);
      }
      expect(answers[1]).toEqual(answers[0]);
      expect(answers[2]).toEqual(answers[0]);
      reasons.push(answers[0]?.[1]);
      if (seconds > 60) expect(issuer.asked).toEqual([]);
    }
    expect(reasons).toEqual(['token-not-accepted', 'token-not-accepted', 'token-malformed', 'token-malformed']);
  });

  it('is refused within 5 seconds when the tenant does not name the issuer any more', async () => {
    const token = await mint(tenant.id);
    expect(await outcome(token)).toBe(200);
    const { status } = await admin(postern, 'PATCH', `/tenants/${tenant.id}`, { issuers: null });
    expect(status).toBe(200);
    await expect.poll(() => outcome(token), { timeout: 5_000 }).toBe('token-not-accepted');
  });

  it('costs its issuer two requests, however many come at once', async () => {
    const tokens = await Promise.all(Array.from({ length: 50 }, () => mint(tenant.id)));
    issuer.asked.length = 0;
    expect(new Set(await Promise.all(tokens.map((token) => outcome(token))))).toEqual(new Set([200]));
    expect(issuer.asked.length).toBeLessThanOrEqual(2);
  });
});

describe('issuers of a tenant', () => {
  it.each([
    ['#/issuers/0/issuer', { issuer: 'http://login.example.com', claims: { sub: ['a'] } }, 'https'],
    ['#/issuers/0/issuer', { issuer: 'https://login.example.com?x', claims: { sub: ['a'] } }, 'https'],
    ['#/issuers/0/claims', { issuer: 'https://login.example.com', claims: {} }, 'at least one claim'],
    ['#/issuers/0/claims/sub', { issuer: 'https://login.example.com', claims: { sub: [] } }, 'at least one value'],
    [
      '#/issuers/0/audience',
      { issuer: 'https://login.example.com', claims: { sub: ['a'] }, audience: 'x' },
      'not a field',
    ],
  ])('are refused with the field, %s, of %j', async (pointer, entry, words) => {
    const { status, body } = await admin<{ errors: { pointer: string; detail: string }[] }>(
      postern,
      'POST',
      '/tenants',
      {
        name: 'story',
        issuers: [entry],
      },
    );
    expect([status, body.errors[0]?.pointer]).toEqual([400, pointer]);
    expect(body.errors[0]?.detail.toLowerCase()).toContain(words);
  });
});
