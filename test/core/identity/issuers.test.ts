import { describe, expect, it } from 'vitest';
import type { TenantId } from '../../../src/core/identity/ids.ts';
import { audienceOf, checkToken, type TrustedIssuer, tenantOfAudience } from '../../../src/core/identity/issuers.ts';
import type { TenantStatus } from '../../../src/core/tenancy/tenant.ts';

const ID = 't1_x' as TenantId;
const ISSUER = 'https://login.example.com';
const NOW = Date.UTC(2026, 10, 24);

interface Case {
  readonly claims?: TrustedIssuer['claims'];
  readonly all?: Readonly<Record<string, unknown>>;
  readonly issuer?: string;
  readonly expiresAtMs?: number;
  readonly status?: TenantStatus;
  readonly more?: readonly TrustedIssuer[];
}
const reasonOf = ({ claims = { sub: ['a'] }, all = { sub: 'a' }, more = [], ...given }: Case) => {
  const { issuer = ISSUER, expiresAtMs = NOW + 1_000, status = 'active' } = given;
  const issuers = [{ issuer: ISSUER, claims }, ...more];
  return checkToken({ status, issuers }, ID, { issuer, expiresAtMs, all }, NOW)?.reason;
};

describe('a token that is proved', () => {
  it.each<[string, Case]>([
    ['one of the values of a claim', { claims: { sub: ['b', 'a'] } }],
    ['a value with a wildcard', { claims: { sub: ['repo:acme/*:main'] }, all: { sub: 'repo:acme/orders:main' } }],
    ['one member of a list', { claims: { groups: ['callers'] }, all: { groups: ['staff', 'callers'] } }],
    ['a number and a truth value', { claims: { tier: ['3'], verified: ['true'] }, all: { tier: 3, verified: true } }],
    [
      'what another entry of its issuer asks for',
      { all: { sub: 'c' }, more: [{ issuer: ISSUER, claims: { sub: ['c'] } }] },
    ],
    ['a clock that is off by less than ten seconds', { expiresAtMs: NOW - 9_999 }],
  ])('may be used with %s', (_, given) => expect(reasonOf(given)).toBeUndefined());

  it.each<[string, string, Case]>([
    ['token-not-accepted', 'another issuer', { issuer: 'https://login.example.com/' }],
    ['token-expired', 'its time over', { expiresAtMs: NOW - 10_000 }],
    ['tenant-suspended', 'a suspended tenant', { status: 'suspended' }],
    ['token-claims', 'another value', { all: { sub: 'ab' } }],
    ['token-claims', 'no such claim', { all: {} }],
    ['token-claims', 'a claim that all objects inherit', { claims: { constructor: ['*'] } }],
    ['token-claims', 'one of two claims', { claims: { sub: ['a'], env: ['prod'] } }],
    ['token-claims', 'an object as a value', { claims: { sub: ['*'] }, all: { sub: { a: 1 } } }],
    ['token-claims', 'null as a value', { claims: { sub: ['*'] }, all: { sub: null } }],
    ['token-claims', 'a value of 257 characters', { claims: { sub: ['*'] }, all: { sub: 'a'.repeat(257) } }],
    [
      'token-claims',
      'a part of what each of two entries asks for',
      {
        claims: { sub: ['a'], env: ['prod'] },
        all: { sub: 'a', org: 'x' },
        more: [{ issuer: ISSUER, claims: { sub: ['b'], org: ['x'] } }],
      },
    ],
  ])('is refused, %s, with %s', (reason, _, given) => expect(reasonOf(given)).toBe(reason));
});

describe('the audience', () => {
  it('names the tenant', () => {
    expect(tenantOfAudience(audienceOf(ID))).toBe(ID);
    expect(tenantOfAudience(['https://api.example.com', audienceOf(ID)])).toBe(ID);
  });

  it.each([[undefined], [null], [7], ['t1_x'], [[]], [{}], [['postern:a', 'postern:b']], [[['postern:a']]]])(
    'names none in %j',
    (audience) => expect(tenantOfAudience(audience)).toBeUndefined(),
  );
});
