import { describe, expect, it } from 'vitest';
import { warnOfIssuers } from '../../../src/core/identity/issuer-warnings.ts';

const GITHUB = 'https://token.actions.githubusercontent.com';
const warnings = (claims: Record<string, string[]>, issuer = GITHUB) => warnOfIssuers([{ issuer, claims }]);

describe('warnOfIssuers', () => {
  it.each([
    { sub: ['repo:acme/orders:*'] },
    { sub: ['repo:acme/orders:ref:refs/heads/main'] },
    { sub: ['*'] },
    { repository: ['acme/orders'] },
    { repository: ['acme/orders'], environment: ['production'] },
    // One value without a number is enough for somebody else to get in.
    { sub: ['repo:acme@1/orders@2:*', 'repo:acme/orders:*'] },
    { sub: ['repo:acme@*/orders@2:*'] },
    { sub: ['repo:*@1/orders@2:*'] },
    { sub: ['repo:acme/orders:*'], repository_id: ['*'] },
    { sub: ['repo:acme/orders:*'], repository_id: ['12*'] },
    { repository_owner_id: ['1', '*'] },
  ])('warns of %j', (claims) => {
    expect(warnings(claims)).toEqual([expect.stringMatching(/^#\/issuers\/0\/claims .*'repository_id'/)]);
  });

  it.each([
    { repository_id: ['123456789'], repository_owner_id: ['87654321'] },
    { sub: ['repo:acme/orders:*'], repository_id: ['123456789', '987654321'] },
    { sub: ['repo:acme/*'], repository_owner_id: ['87654321'] },
    { sub: ['repo:acme@87654321/orders@123456789:*'] },
    { sub: ['repo:acme@87654321/*'] },
  ])('does not warn of %j', (claims) => {
    expect(warnings(claims)).toEqual([]);
  });

  it('knows the issuers of an enterprise and of an Enterprise Server, and warns of no other', () => {
    const claims = { sub: ['repo:acme/orders:*'] };
    expect(warnings(claims, `${GITHUB}/acme-inc`)).toHaveLength(1);
    expect(warnings(claims, 'https://github.acme.example/_services/token')).toHaveLength(1);
    expect(warnings(claims, 'https://login.acme.example')).toEqual([]);
    expect(warnings(claims, 'https://token.actions.githubusercontent.com.evil.example')).toEqual([]);
    expect(warnOfIssuers()).toEqual([]);
  });

  it('says which entry it is', () => {
    const entry = { issuer: GITHUB, claims: { sub: ['repo:acme/orders:*'] } };
    const other = { issuer: 'https://login.acme.example', claims: { sub: ['a'] } };
    expect(warnOfIssuers([other, entry]).map((text) => text.split(' ')[0])).toEqual(['#/issuers/1/claims']);
  });
});
