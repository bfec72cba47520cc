import { exportJWK, generateKeyPair, importJWK, SignJWT } from 'jose';
import { afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { BodyMemory } from '../../src/core/body-memory/body-memory.ts';
import { mintKeyId, mintTenantId } from '../../src/core/identity/ids.ts';
import { deriveApiKey } from '../../src/core/identity/keys.ts';
import { readListener } from '../../src/core/listener.ts';
import { answerRequest } from '../../src/core/quota/ledger.ts';
import { createLedger } from '../../src/core/quota/ledger-state.ts';
import { REFUSALS, type RefusalReason } from '../../src/core/refusal.ts';
import { readSettings } from '../../src/core/settings.ts';
import { writeAmzDate } from '../../src/core/signature/amz-date.ts';
import { keyCrypto } from '../../src/edge/key-crypto.ts';
import { createKeyring } from '../../src/edge/keyring.ts';
import { startCall } from '../../src/gateway/call.ts';
import type { Gateway } from '../../src/gateway/gateway.ts';
import { invoke } from '../../src/gateway/invoke.ts';
import { createTenants } from '../../src/tenants/tenants.ts';

/**
 * What a refused request made us do. Nothing here is a time: the same on a slow machine. The body is hashed as it is read,
 * and counted as it is read.
 */
interface Work {
  readonly hmacs: number;
  /** Characters that were hashed or compared, besides the body. */
  readonly hashed: number;
  /** Characters of JSON, base64 and percent-encoding that were parsed. */
  readonly parsed: number;
  /** Public keys that a token was tried with. */
  readonly verifications: number;
  /** Requests to its tenant's object, where the tenant is not known yet. */
  readonly asked: number;
  readonly bodyBytes: number;
}

const NOTHING: Work = { hmacs: 0, hashed: 0, parsed: 0, verifications: 0, asked: 0, bodyBytes: 0 };
/** The MAC of a key's id, or of a tenant's. */
const FIND: Work = { ...NOTHING, hmacs: 1, hashed: 200 };
/** The secret is derived besides, and compared. */
const PROVE_KEY: Work = { ...NOTHING, hmacs: 2, hashed: 700 };
/** A token is at most so long, and parsed at most twice: once for what it says, once for its signature. */
const READ_TOKEN: Work = { ...FIND, parsed: 16_400 * 2 };
/** The tenant says which issuers it trusts: it is asked before any proof. What it says serves every call for 4 s. */
const FIND_ISSUER: Work = { ...READ_TOKEN, asked: 1 };
const PROVE_TOKEN: Work = { ...FIND_ISSUER, parsed: 16_400 * 4, verifications: 1 };
/** Two for the key, four for its signing key of the day, and one for each of at most 8 readings. */
const PROVE_SIGNATURE: Work = {
  hmacs: 14,
  hashed: 32_768 + 4_000,
  parsed: 16_384,
  verifications: 0,
  asked: 0,
  bodyBytes: 6_291_456,
};

const read = readSettings({
  POSTERN_ROOT_KEYS: `1:${btoa('0123456789abcdefghijklmnopqrstuv')}`,
  POSTERN_ADMIN_TOKEN: 'admin-token-of-the-work-tests-000001',
  AWS_ACCOUNT_ID: '123456789012',
  AWS_REGION: 'us-east-1',
  AWS_ACCESS_KEY_ID: 'AKIDEXAMPLE000000000',
  AWS_SECRET_ACCESS_KEY: 'secret-of-the-worker-tests',
});
if (!read.ok) throw new Error(read.error.join());
const settings = read.value;
const { rootKeys } = settings;
const tenantId = mintTenantId(keyCrypto, rootKeys, 'b', new Uint8Array(10));
const keyId = mintKeyId(keyCrypto, rootKeys, tenantId, new Uint8Array(5));
const apiKey = deriveApiKey(keyCrypto, { keyId, rootKey: rootKeys.minting });
const ISSUER = 'https://issuer.example';

let done: { -readonly [K in keyof Work]: number } = { ...NOTHING };
/** `jose` decodes with it where the runtime has it. */
const bytes = Uint8Array as unknown as { fromBase64?: (text: string, ...rest: never[]) => Uint8Array };
const originals = { parse: JSON.parse, atob, decodeURIComponent, fromBase64: bytes.fromBase64?.bind(Uint8Array) };
const count = <T extends (text: string, ...rest: never[]) => unknown>(parse: T): T =>
  ((text: string, ...rest: never[]) => {
    done.parsed += text.length;
    return parse(text, ...rest);
  }) as T;

beforeEach(() => {
  done = { ...NOTHING };
  JSON.parse = count(originals.parse);
  globalThis.atob = count(originals.atob);
  globalThis.decodeURIComponent = count(originals.decodeURIComponent);
  if (originals.fromBase64) bytes.fromBase64 = count(originals.fromBase64);
});
afterEach(() => {
  JSON.parse = originals.parse;
  globalThis.atob = originals.atob;
  globalThis.decodeURIComponent = originals.decodeURIComponent;
  if (originals.fromBase64) bytes.fromBase64 = originals.fromBase64;
});

/** A gateway whose crypto counts, with one tenant that has one key. */
function createGateway({ failures = 0, issuerIsReachable = true } = {}): Gateway {
  const crypto = {
    hmacSha256: (key: Uint8Array, text: string) => {
      done.hmacs += 1;
      done.hashed += text.length;
      return keyCrypto.hmacSha256(key, text);
    },
    sha256Hex: (text: string) => {
      done.hashed += text.length;
      return keyCrypto.sha256Hex(text);
    },
    timingSafeEqual: (a: string, b: string) => {
      done.hashed += Math.max(a.length, b.length);
      return keyCrypto.timingSafeEqual(a, b);
    },
  };
  const ledger = createLedger(Date.now());
  const snapshot = {
    exists: true,
    status: 'active',
    policy: { allow: [] },
    limits: {},
    upstream: {},
    meterDuration: false,
    issuers: [{ issuer: ISSUER, claims: { sub: ['*'] } }],
    keys: { [keyId]: null },
  } as const;
  return {
    settings,
    crypto,
    keyring: createKeyring(crypto, rootKeys),
    tenants: createTenants({
      now: Date.now,
      ask: async (_, ask) => {
        done.asked += 1;
        if (failures-- > 0) throw new Error('unreachable');
        return { revision: 1, snapshot, ledger: answerRequest(ledger, {}, ask, Date.now()).response };
      },
    }),
    issuerKeys: {
      find: async () => {
        if (!issuerIsReachable) return 'unavailable';
        return async () => {
          done.verifications += 1;
          return publicKey;
        };
      },
    },
    bodies: new BodyMemory(),
    send: () => Promise.reject(new Error('nothing may be sent')),
    now: Date.now,
  };
}

let publicKey: CryptoKey;
let sign: (claims: object, expiresAtMs?: number) => Promise<string>;
beforeAll(async () => {
  const pair = await generateKeyPair('ES256', { extractable: true });
  publicKey = (await importJWK(await exportJWK(pair.publicKey), 'ES256')) as CryptoKey;
  sign = (claims, expiresAtMs = Date.now() + 60_000) =>
    new SignJWT({ iss: ISSUER, aud: `postern:${tenantId}`, ...claims })
      .setProtectedHeader({ alg: 'ES256' })
      .setExpirationTime(Math.floor(expiresAtMs / 1_000))
      .sign(pair.privateKey);
});
/** A token of which the last part is another's. */
const forged = async (claims: object) =>
  `${(await sign(claims)).split('.').slice(0, 2).join('.')}.${(await sign({ a: 1 })).split('.')[2]}`;

interface Request_ {
  readonly method?: string;
  readonly origin?: string;
  readonly path?: string;
  readonly headers?: Record<string, string>;
  readonly body?: string;
  readonly gateway?: Parameters<typeof createGateway>[0];
}

const PATH = '/2015-03-31/functions/f/invocations';
const key = (text: string): Request_ => ({ headers: { 'x-api-key': text } });
const bearer = (text: string): Request_ => ({ headers: { authorization: `Bearer ${text}` } });
interface Claim {
  readonly keyId?: string;
  readonly atMs?: number;
  readonly region?: string;
  readonly signedHeaders?: string;
  readonly headers?: Record<string, string>;
  readonly body?: string;
  readonly path?: string;
}
/** A signature that nobody with the secret made. */
function forge({
  signedHeaders = 'host;x-amz-date',
  headers = {},
  body = '{}',
  path = PATH,
  ...claim
}: Claim = {}): Request_ {
  const longDate = writeAmzDate(claim.atMs ?? Date.now());
  const scope = `${longDate.slice(0, 8)}/${claim.region ?? 'us-east-1'}/lambda/aws4_request`;
  const credential = `Credential=${claim.keyId ?? keyId}/${scope}`;
  const authorization = `AWS4-HMAC-SHA256 ${credential}, SignedHeaders=${signedHeaders}, Signature=${'0'.repeat(64)}`;
  return { path, headers: { host: 'gateway.example', 'x-amz-date': longDate, authorization, ...headers }, body };
}
const presigned = (parameters: string): Request_ => ({
  path: `${PATH}?X-Amz-Algorithm=AWS4-HMAC-SHA256&${parameters}`,
});
const names = (length: number) => Array.from({ length }, (_, n) => `x-${n}`);

type Case = readonly [most: Work, ...requests: (() => Request_ | Promise<Request_>)[]];

/**
 * Every reason: what each request that is refused for it, with no proof of who sent it, may cost us at the most; or why no
 * such request is. A new reason has to be put here.
 */
const CASES: {
  readonly [R in RefusalReason]?: Case | 'needs a proof' | 'by no request' | 'counted in test/core/body-memory';
} = {
  'unknown-path': [NOTHING, () => ({ path: '/x' }), () => ({ path: `/${'a/'.repeat(500)}2015-03-31/functions/f` })],
  'method-not-allowed': [NOTHING, () => ({ method: 'GET' })],
  'uri-too-long': [
    NOTHING,
    () => ({ path: `/${'a'.repeat(99_999)}` }),
    () => ({ path: `${PATH}?${'%41'.repeat(99_999)}` }),
  ],
  'headers-too-many': [NOTHING, () => ({ headers: Object.fromEntries(names(2_000).map((name) => [name, ''])) })],
  'parameters-too-many': [NOTHING, () => ({ path: `${PATH}?${'a&'.repeat(7_000)}` })],
  'payload-too-large': [FIND, () => forge({ body: 'x'.repeat(6_291_457) })],
  'no-credentials': [{ ...NOTHING, parsed: 16_384 }, () => ({}), () => ({ path: `${PATH}?a=${'%41'.repeat(5_000)}` })],
  'credentials-ambiguous': [NOTHING, () => ({ headers: { 'x-api-key': 'a', authorization: 'b' } })],
  'credentials-too-long': [
    NOTHING,
    () => key('a'.repeat(99_999)),
    () => bearer(`eyJ${'a'.repeat(99_999)}.eyJ9.a`),
    () => forge({ signedHeaders: names(50_000).join(';') }),
  ],
  'signature-ambiguous': [NOTHING, () => ({ ...presigned('a'), headers: { authorization: 'a' } })],
  'signature-incomplete': [
    { ...NOTHING, parsed: 16_384 },
    () => forge({ signedHeaders: 'host;a b' }),
    () => forge({ signedHeaders: 'host;'.repeat(60) }),
    () => presigned('X-Amz-Credential=%41'),
  ],
  'signature-too-large': [
    { ...PROVE_KEY, bodyBytes: 2 },
    () => forge({ signedHeaders: ['host', ...names(64)].join(';') }),
    () => forge({ signedHeaders: 'host;x-list', headers: { 'x-list': 'a, '.repeat(99_999) } }),
  ],
  'payload-not-signed': [NOTHING, () => forge({ headers: { 'x-amz-content-sha256': 'UNSIGNED-PAYLOAD' } })],
  'host-not-signed': [NOTHING, () => forge({ signedHeaders: 'x-amz-date' })],
  'signature-expired': [NOTHING, () => forge({ atMs: Date.now() - 600_000 })],
  'signature-scope': [NOTHING, () => forge({ region: 'mars-1' })],
  'session-token': [NOTHING, () => forge({ headers: { 'x-amz-security-token': 'a'.repeat(99_999) } })],
  'plain-http': [NOTHING, () => ({ ...key('a'), origin: 'http://gateway.example' })],
  'key-malformed': [NOTHING, () => key('a'), () => bearer('a'.repeat(16_000))],
  'key-mistyped': [PROVE_KEY, () => key(`${apiKey.slice(0, -1)}${apiKey.endsWith('a') ? 'b' : 'a'}`)],
  'key-unknown': [
    FIND,
    () => forge({ keyId: `${keyId.slice(0, -1)}${keyId.endsWith('a') ? 'b' : 'a'}` }),
    () => forge({ keyId: 'AKIA' }),
  ],
  'key-revoked': 'needs a proof',
  'key-expired': 'needs a proof',
  'token-malformed': [
    READ_TOKEN,
    () => bearer('eyJhbGciOiJub25lIn0.e30.a'),
    () => bearer(`eyJ${'a'.repeat(16_000)}.e30.a`),
  ],
  'token-audience': [READ_TOKEN, async () => bearer(await sign({ aud: `postern:${tenantId}x` }))],
  'token-not-accepted': [
    PROVE_TOKEN,
    async () => bearer(await sign({ iss: 'https://other.example' })),
    async () => bearer(await forged({})),
    async () => bearer(await forged({ filler: 'x'.repeat(11_000) })),
  ],
  'token-expired': [PROVE_TOKEN, async () => bearer(await sign({}, Date.now() - 60_000))],
  'issuer-unavailable': [
    FIND_ISSUER,
    async () => ({ ...bearer(await sign({})), gateway: { issuerIsReachable: false } }),
  ],
  // Once more a second later, for what the first request may have done.
  'state-unavailable': [
    { ...FIND_ISSUER, asked: 2 },
    async () => ({ ...bearer(await sign({})), gateway: { failures: 1 } }),
  ],
  'parameter-repeated': [{ ...NOTHING, parsed: 16_384 }, () => presigned('X-Amz-Date=%41&X-Amz-Date=2')],
  'payload-incomplete': [
    { ...FIND, bodyBytes: 6_291_456 },
    () => ({ ...forge({ headers: { 'content-length': '9' } }), body: '{}' }),
  ],
  busy: 'counted in test/core/body-memory',
  'header-not-signed': [FIND, () => forge({ headers: { 'x-amz-log-type': 'Tail' } })],
  'signature-mismatch': [
    PROVE_SIGNATURE,
    () => forge(),
    () => forge({ headers: { 'x-amz-content-sha256': '0'.repeat(64) } }),
    () => forge({ signedHeaders: 'host;x-list', headers: { 'x-list': 'a, b, c, d' } }),
    () => forge({ signedHeaders: 'host;x-list', headers: { 'x-list': 'a, '.repeat(2_500) } }),
    () =>
      forge({ signedHeaders: ['host', ...names(63)].join(';'), headers: { 'x-1': 'a, b', 'x-2': 'a, '.repeat(900) } }),
    () =>
      forge({
        path: `${PATH}?${'%41=%42&'.repeat(60)}Z=${'%43'.repeat(5_000)}`,
        signedHeaders: 'host;x-list',
        headers: { 'x-list': 'a, b, c, d' },
      }),
    () => forge({ body: 'x'.repeat(6_291_456) }),
  ],
  'token-claims': 'needs a proof',
  'tenant-suspended': 'needs a proof',
  'function-denied': 'needs a proof',
  'presigned-too-long': 'needs a proof',
  'function-name': 'needs a proof',
  qualifier: 'needs a proof',
  'qualifier-mismatch': 'needs a proof',
  'query-malformed': 'needs a proof',
  'parameter-unknown': 'needs a proof',
  'argument-repeated': 'needs a proof',
  'header-repeated': 'needs a proof',
  'invocation-type': 'needs a proof',
  'log-type': 'needs a proof',
  'client-context-too-long': 'needs a proof',
  'client-context': 'needs a proof',
  'tenant-id': 'needs a proof',
  'durable-execution-name': 'needs a proof',
  'content-type': 'needs a proof',
  'payload-not-json': 'needs a proof',
  'caller-left': 'needs a proof',
  'function-elsewhere': 'needs a proof',
  // Refused in `app.ts`, by the name alone, before the gateway is asked.
  'host-not-served': 'by no request',
  'durable-names-unavailable': 'needs a proof',
  misconfigured: 'by no request',
  internal: 'by no request',
};

/** Reasons that only a proved caller learns, by kind of reason. */
const NEEDS_A_PROOF = /-not-allowed$|^limits?-|^upstream-/;

/** Serves a request and says why it was refused, and what that took. */
async function serve({ method = 'POST', origin = 'https://gateway.example', path = PATH, ...rest }: Request_) {
  const { headers = {}, body = method === 'POST' ? '' : undefined } = rest;
  const length = body === undefined ? {} : { 'content-length': String(body.length) };
  const request = new Request(origin + path, {
    method,
    headers: { ...length, ...headers },
    ...(body !== undefined && { body }),
  });
  const waiting: Promise<unknown>[] = [];
  const bodies = new BodyMemory();
  const listener = readListener(undefined, undefined);
  const ports = { now: Date.now, log: () => {}, bodies, onForward: () => {}, onEnd: () => {} };
  const waitUntil = (promise: Promise<unknown>) => waiting.push(promise);
  const call = startCall({ requestId: 'id', request, listener, waitUntil }, ports);
  const answer = await invoke(createGateway(rest.gateway), call);
  await Promise.all(waiting);
  done.bodyBytes = call.record.bytesIn ?? 0;
  const { hint } = originals.parse(String(answer.body)) as { hint?: string };
  return { reason: call.record.refusal, proved: call.proved, hint };
}

const rows = Object.entries(CASES).flatMap(([reason, row]) => {
  if (typeof row === 'string') return [];
  const [most, ...requests] = row;
  return requests.map((request, index) => ({ reason, index, most, request }));
});

describe('the work that an unproved request makes us do', () => {
  it('has a bound for every reason', () => {
    const unbounded = Object.keys(REFUSALS).filter((reason) => !(reason in CASES) && !NEEDS_A_PROOF.test(reason));
    expect(unbounded).toEqual([]);
  });

  it.each(rows)('is bounded: $reason, $index', async ({ reason, most, request }) => {
    const built = await request();
    done = { ...NOTHING };
    const { hint, ...refused } = await serve(built);
    expect(refused).toEqual({ reason, proved: false });
    expect(hint !== undefined).toBe('hint' in REFUSALS[reason as RefusalReason]);
    for (const [what, limit] of Object.entries(most)) {
      expect([what, done[what as keyof Work]]).toSatisfy(
        ([, work]: [string, number]) => work <= limit,
        `at most ${limit}`,
      );
    }
  });

  it.each([
    ['declares the hash of its body', true],
    ['declares none', false],
  ])('of a forged signature includes its body unless it %s', async (_, declares) => {
    const body = 'x'.repeat(6_291_456);
    const headers = declares ? { 'x-amz-content-sha256': keyCrypto.sha256Hex(body) } : {};
    expect(await serve(forge({ body, headers }))).toMatchObject({ reason: 'signature-mismatch', proved: false });
    expect(done).toMatchObject({ hmacs: 7, bodyBytes: declares ? 0 : body.length });
  });

  it('is counted at all', async () => {
    await serve(forge({ signedHeaders: 'host;x-list', headers: { 'x-list': 'a, b, c, d' } }));
    expect(done).toMatchObject({ hmacs: 14, bodyBytes: 2 });
    expect(done.hashed).toBeGreaterThan(1_500);
    const { parsed } = done;
    await serve(bearer(await forged({})));
    expect(done.parsed - parsed).toBeGreaterThan(200);
    expect(done.verifications).toBe(1);
  });
});
