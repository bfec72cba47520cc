import { exportJWK, generateKeyPair } from 'jose';
import { beforeAll, describe, expect, it } from 'vitest';
import { createIssuerKeys } from '../../src/gateway/issuer-keys.ts';

const ISSUER = 'https://login.example.com';
const METADATA = `${ISSUER}/.well-known/openid-configuration`;
const JWKS = `${ISSUER}/keys`;
const MINUTE_MS = 60_000;

let jwk: object;
beforeAll(async () => {
  jwk = { ...(await exportJWK((await generateKeyPair('ES256')).publicKey)), kid: 'k1', alg: 'ES256' };
});

/** The memory of one isolate over an issuer that the test plays. */
function setUp(answers: (url: string) => Response | Promise<Response> = answerWell) {
  let nowMs = Date.UTC(2026, 10, 24);
  const asked: string[] = [];
  const failures: string[] = [];
  const play = { answers };
  const keys = createIssuerKeys({
    now: () => nowMs,
    random: () => 0,
    onFailure: (_, error) => failures.push(String(error)),
    fetch: async (url) => {
      asked.push(url);
      return play.answers(url);
    },
  });
  const kept: Promise<unknown>[] = [];
  return {
    asked,
    failures,
    play,
    pass: (ms: number) => {
      nowMs += ms;
    },
    find: (isKeyUnknown = false, issuer = ISSUER, jwksUri?: string, unlessLeft = stays) =>
      keys.find({ issuer, jwksUri }, isKeyUnknown, { waitUntil: (promise) => kept.push(promise), unlessLeft }),
    settled: () => Promise.all(kept),
  };
}
/** A caller that waits for as long as it takes, and one that has left. */
const stays = <T>(promise: Promise<T>): Promise<T | undefined> => promise;
const leaves = async () => undefined;

const metadata = (more: object = {}) => Response.json({ issuer: ISSUER, jwks_uri: JWKS, ...more });
const answerWell = (url: string) => (url === METADATA ? metadata() : Response.json({ keys: [jwk] }));
const fail = () => new Response('no', { status: 500 });

describe('the keys of an issuer', () => {
  it('are fetched once for a hundred calls at the same time, and then not for five minutes', async () => {
    const { find, asked, pass } = setUp();
    const found = await Promise.all(Array.from({ length: 100 }, () => find()));
    expect(new Set(found).size).toBe(1);
    expect(found[0]).toBeTypeOf('function');
    pass(5 * MINUTE_MS - 1);
    await find();
    expect(asked).toEqual([METADATA, JWKS]);
  });

  it('are fetched anew behind a call, once, when they are older', async () => {
    const { find, asked, pass, settled } = setUp();
    const first = await find();
    pass(5 * MINUTE_MS);
    expect(await Promise.all([find(), find(), find()])).toEqual([first, first, first]);
    await settled();
    expect(asked).toHaveLength(4);
    expect(await find()).not.toBe(first);
  });

  it('serve for an hour while their issuer is down, and no longer', async () => {
    const { find, play, pass, asked, settled } = setUp();
    const first = await find();
    play.answers = fail;
    pass(60 * MINUTE_MS - 1);
    expect(await find()).toBe(first);
    await settled();
    pass(1);
    expect(await find()).toBe('unavailable');
    const before = asked.length;
    expect(await find()).toBe('unavailable');
    expect(asked).toHaveLength(before); // left alone for five seconds
    play.answers = answerWell;
    pass(5_000);
    expect(await find()).toBeTypeOf('function');
  });

  it('are fetched again when one is unknown, at most every thirty seconds, even if callers invent them', async () => {
    const { find, asked, pass } = setUp();
    const first = await find();
    expect(await find(true)).toBeUndefined();
    expect(asked).toHaveLength(2);
    pass(30_000);
    const [second, third] = await Promise.all([find(true), find(true)]);
    expect(second).toBe(third);
    expect(second).not.toBe(first);
    expect(asked).toHaveLength(4);
    expect(await find(true)).toBeUndefined();
    expect(asked).toHaveLength(4);
  });

  it.each<[string, (url: string) => Response, string]>([
    [
      'metadata of another issuer',
      (url) => (url === METADATA ? metadata({ issuer: `${ISSUER}/` }) : answerWell(url)),
      'another issuer',
    ],
    ['no place for its keys', () => Response.json({ issuer: ISSUER }), 'no jwks_uri'],
    ['a place without https', () => metadata({ jwks_uri: 'http://login.example.com/keys' }), 'not https'],
    ['a place within our own machine', () => metadata({ jwks_uri: 'http://127.0.0.1/keys' }), 'is an IP address'],
    ['a redirect', () => new Response(null, { status: 302, headers: { location: JWKS } }), '302'],
    ['what is not JSON', () => new Response('<html>'), 'SyntaxError'],
    ['what is no object', () => Response.json(null), 'not a JSON object'],
    ['what is no key set', (url) => (url === METADATA ? metadata() : Response.json({ keys: 'none' })), 'JWKSInvalid'],
    ['more than 256 KiB', () => Response.json({ issuer: ISSUER, pad: 'x'.repeat(262_144) }), 'longer than'],
  ])('are not taken from %s', async (_, answers, words) => {
    const { find, failures } = setUp(answers);
    expect(await find()).toBe('unavailable');
    expect(failures.join()).toContain(words);
  });

  it('do not keep a call waiting for an issuer that never answers, nor for a request that is gone', async () => {
    const { find, play, pass } = setUp(() => new Promise(() => {}));
    const waiting = find();
    pass(6_000); // the request that fetches is gone: the next one fetches again
    play.answers = answerWell;
    expect(await find()).toBeTypeOf('function');
    expect(await waiting).toBe('unavailable');
  }, 20_000);

  it('of one issuer are nothing to another', async () => {
    const { find } = setUp((url) => (url.startsWith(ISSUER) ? answerWell(url) : fail()));
    expect(await find(false, 'https://other.example.com')).toBe('unavailable');
    expect(await find()).toBeTypeOf('function');
  });
});

describe('B5: where an issuer says that its keys are', () => {
  const saying = (jwksUri: string, issuer = ISSUER) =>
    setUp((url) =>
      Response.json(url.endsWith('openid-configuration') ? { issuer, jwks_uri: jwksUri } : { keys: [jwk] }),
    );

  it.each([
    'https://127.0.0.1:18440/x',
    'https://10.0.0.7/keys',
    'https://2130706433/keys',
    'https://0x7f.1/keys',
    'https://[::1]/keys',
    'https://[::ffff:10.0.0.7]/keys',
    'https://keys.example.net/keys',
    'https://login.example.com.evil.net/keys',
    'https://internal/keys',
    'https://localhost/keys',
  ])('is not asked at %s', async (location) => {
    const { find, asked, failures } = saying(location);
    expect(await find()).toBe('unavailable');
    expect(asked).toEqual([METADATA]);
    expect(failures.join()).toMatch(/is an IP address|on another site/);
  });

  it.each(['https://login.example.com:8443/keys', 'https://keys.example.com/keys', 'https://example.com/keys'])(
    'is asked at %s, on its own site',
    async (location) => {
      const { find, asked } = saying(location);
      expect(await find()).toBeTypeOf('function');
      expect(asked).toEqual([METADATA, location]);
    },
  );

  it('takes no country for a site', async () => {
    const { find } = saying('https://evil.co.uk/keys', 'https://login.co.uk');
    expect(await find(false, 'https://login.co.uk')).toBe('unavailable');
  });

  it('A3: is not waited for by a caller that has left, while the fetch goes on for others', async () => {
    const { promise, resolve } = Promise.withResolvers<Response>();
    const { find, asked, settled } = setUp((url) => (url === METADATA ? promise : answerWell(url)));
    expect(await find(false, ISSUER, undefined, leaves)).toBe('unavailable');
    const waits = find();
    resolve(metadata());
    expect(await waits).toBeTypeOf('function');
    expect(await find(false, ISSUER, undefined, leaves)).toBeTypeOf('function');
    await settled();
    expect(asked).toHaveLength(2);
  });

  it('is asked where a tenant says, without its metadata, and what that brings serves no other tenant', async () => {
    const { find, asked } = saying('https://login.example.com/keys');
    expect(await find(false, ISSUER, 'https://www.example.net/certs')).toBeTypeOf('function');
    expect(asked).toEqual(['https://www.example.net/certs']);
    await find();
    expect(asked).toEqual(['https://www.example.net/certs', METADATA, 'https://login.example.com/keys']);
  });
});
