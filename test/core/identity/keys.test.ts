import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { KeyCrypto } from '../../../src/core/identity/crypto.ts';
import {
  KEY_RANDOM_BYTES,
  locationHintOf,
  mintKeyId,
  mintTenantId,
  nearestHint,
  TENANT_RANDOM_BYTES,
  verifyKeyId,
  verifyTenantId,
} from '../../../src/core/identity/ids.ts';
import { deriveApiKey, deriveSecretAccessKey } from '../../../src/core/identity/keys.ts';
import { parseRootKeys, type RootKeys } from '../../../src/core/identity/root-keys.ts';
import { createKeyring } from '../../../src/edge/keyring.ts';

const crypto: KeyCrypto = {
  hmacSha256: (key, text) => createHmac('sha256', key).update(text).digest(),
  timingSafeEqual: (a, b) => a.length === b.length && timingSafeEqual(Buffer.from(a), Buffer.from(b)),
};

const rootKeys = (text: string): RootKeys => {
  const parsed = parseRootKeys(text);
  if (!parsed.ok) throw new Error(parsed.error);
  return parsed.value;
};
const secret = (byte: number) => Buffer.from(Array.from({ length: 32 }, (_, at) => at * 7 + byte)).toString('base64');
const first = rootKeys(`1:${secret(1)}`);
const second = rootKeys(`2:${secret(2)},1:${secret(1)}`);
const other = rootKeys(`1:${secret(9)}`);

const mint = (keys: RootKeys) => {
  const tenantId = mintTenantId(crypto, keys, 'b', randomBytes(TENANT_RANDOM_BYTES));
  const keyId = mintKeyId(crypto, keys, tenantId, randomBytes(KEY_RANDOM_BYTES));
  const identity = { keyId, rootKey: keys.minting };
  return { tenantId, keyId, apiKey: deriveApiKey(crypto, identity), secret: deriveSecretAccessKey(crypto, identity) };
};
const reason = (keys: RootKeys, text: string) => {
  const proved = createKeyring(crypto, keys).proveApiKey(text);
  return proved.ok ? 'proved' : proved.error.reason;
};

describe('ids', () => {
  it('verify under the root key that minted them, and say whose they are', () => {
    const { tenantId, keyId } = mint(first);
    expect(verifyTenantId(crypto, first, tenantId)).toBe(tenantId);
    expect(verifyKeyId(crypto, first, keyId)).toMatchObject({ keyId, tenantId });
    expect(verifyTenantId(crypto, other, tenantId)).toBeUndefined();
    expect(verifyKeyId(crypto, other, keyId)).toBeUndefined();
  });

  it('make a key id that AWS takes for an access key id', () => {
    expect(mint(first).keyId).toMatch(/^[A-Za-z0-9_]{16,128}$/);
  });

  it('carry where the tenant lives', () => {
    expect(locationHintOf(mintTenantId(crypto, first, nearestHint('eu-west-1'), randomBytes(10)))).toBe('weur');
    expect(locationHintOf(mintTenantId(crypto, first, nearestHint('us-east-1'), randomBytes(10)))).toBe('enam');
    expect(locationHintOf(mintTenantId(crypto, first, nearestHint('ap-southeast-2'), randomBytes(10)))).toBe('oc');
    expect(locationHintOf(mintTenantId(crypto, first, nearestHint('cn-north-1'), randomBytes(10)))).toBe('apac');
  });

  it('of an invented tenant or key never verify', () => {
    const { tenantId, keyId } = mint(first);
    const position = fc.nat();
    const letter = fc.constantFrom(...'abcdefghijklmnopqrstuvwxyz234567_019K');
    fc.assert(
      fc.property(fc.constantFrom(tenantId, keyId), position, letter, (id, at, character) => {
        const index = at % id.length;
        fc.pre(id[index] !== character);
        const changed = id.slice(0, index) + character + id.slice(index + 1);
        expect(verifyTenantId(crypto, first, changed)).toBeUndefined();
        expect(verifyKeyId(crypto, first, changed)).toBeUndefined();
      }),
      { numRuns: 2_000 },
    );
  });
});

describe('a keyring', () => {
  it('proves a key the second time as the first, and no other by its id', () => {
    const keyring = createKeyring(crypto, first);
    const { apiKey, keyId, secret: sigv4 } = mint(first);
    for (let time = 0; time < 2; time++) {
      expect(keyring.proveApiKey(apiKey).ok).toBe(true);
      expect(keyring.find(keyId)?.secretAccessKey()).toBe(sigv4);
    }
    expect(keyring.find(mint(other).keyId)).toBeUndefined();
    const forged = apiKey.slice(0, -59) + mint(first).apiKey.slice(-59);
    expect(keyring.proveApiKey(forged).ok).toBe(false);
  });

  it('proves a key with nothing but the root key', () => {
    const { apiKey, keyId, tenantId } = mint(first);
    expect(apiKey).toMatch(/^postern_[a-z0-9_]+$/);
    expect(createKeyring(crypto, first).proveApiKey(apiKey)).toMatchObject({ ok: true, value: { keyId, tenantId } });
  });

  it('proves keys of every root key that lives, and mints with the first', () => {
    const old = mint(first);
    const young = mint(second);
    expect(young.keyId).toMatch(/^k2_t2_/);
    expect(reason(second, old.apiKey)).toBe('proved');
    expect(reason(second, young.apiKey)).toBe('proved');
    expect(reason(first, young.apiKey)).toBe('key-unknown');
    const mixed = mintKeyId(crypto, second, old.tenantId, randomBytes(5));
    expect(verifyKeyId(crypto, second, mixed)?.tenantId).toBe(old.tenantId);
  });

  it('tells a typing mistake from a forgery', () => {
    const { apiKey } = mint(first);
    expect(reason(first, 'sk_live_something')).toBe('key-malformed');
    expect(reason(first, apiKey.slice(0, -1))).toBe('key-malformed');
    const swapped = apiKey.at(-20) === 'a' ? 'b' : 'a';
    expect(reason(first, apiKey.slice(0, -20) + swapped + apiKey.slice(-19))).toBe('key-mistyped');
    expect(reason(first, mint(other).apiKey)).toBe('key-unknown');
  });

  it('refuses a key with any one character changed', () => {
    const { apiKey } = mint(first);
    fc.assert(
      fc.property(fc.nat({ max: apiKey.length - 1 }), fc.constantFrom(...'abyz267_K'), (at, character) => {
        fc.pre(apiKey[at] !== character);
        expect(reason(first, apiKey.slice(0, at) + character + apiKey.slice(at + 1))).not.toBe('proved');
      }),
      { numRuns: 2_000 },
    );
  });

  it('gives the bearer key and the SigV4 secret nothing in common', () => {
    const { apiKey, secret: sigv4 } = mint(first);
    expect(apiKey).not.toContain(sigv4);
  });
});

describe('parseRootKeys', () => {
  it.each([
    ['', 'VERSION:BASE64'],
    ['abc', 'VERSION:BASE64'],
    ['0:AAAA', 'VERSION:BASE64'],
    ['1:not base64', 'not valid base64'],
    [`1:${Buffer.alloc(31).toString('base64')}`, '31 bytes'],
    [`1:${secret(1)},1:${secret(2)}`, 'twice'],
    [`1:${secret(1)},`, 'VERSION:BASE64'],
  ])('refuses %j, naming what is wrong', (text, words) => {
    const parsed = parseRootKeys(text);
    expect(parsed.ok ? '' : parsed.error).toContain(words);
  });

  it('never puts a key into what it says', () => {
    const parsed = parseRootKeys(`1:${secret(7)},1:${secret(8)}`);
    expect(JSON.stringify(parsed)).not.toContain(secret(7).slice(0, 8));
  });
});
