import { describe, expect, it } from 'vitest';
import { findChanges } from '../../src/document/changes.ts';

const FROM = { name: 'a', policy: { allow: [{ function: 'x', logTail: true }], ipAllow: ['::/0'] }, old: 1 };
const TO = {
  policy: { ipAllow: ['10.0.0.0/8'], allow: [{ logTail: true, function: 'y' }, { function: 'z' }] },
  name: 'a',
};

describe('findChanges', () => {
  it('takes a list as one field', () => {
    expect(findChanges(FROM, TO, 'whole')).toEqual([
      { path: ['policy', 'allow'], from: FROM.policy.allow, to: TO.policy.allow },
      { path: ['policy', 'ipAllow'], from: ['::/0'], to: ['10.0.0.0/8'] },
      { path: ['old'], from: 1 },
    ]);
  });

  it('compares a list of objects entry by entry, and a list of plain values whole', () => {
    expect(findChanges(FROM, TO, 'by-entry')).toEqual([
      { path: ['policy', 'allow', 0, 'function'], from: 'x', to: 'y' },
      { path: ['policy', 'allow', 1], to: { function: 'z' } },
      { path: ['policy', 'ipAllow'], from: ['::/0'], to: ['10.0.0.0/8'] },
      { path: ['old'], from: 1 },
    ]);
  });

  it('finds no difference in the order of members, however deep', () => {
    const one = [{ claims: { sub: ['a'], aud: ['b'] } }];
    const other = [{ claims: { aud: ['b'], sub: ['a'] } }];
    expect(findChanges({ issuers: one }, { issuers: other }, 'whole')).toEqual([]);
    expect(findChanges({ issuers: one }, { issuers: other }, 'by-entry')).toEqual([]);
  });

  it('tells an absent member from null, and a list from an object', () => {
    expect(findChanges({ a: null }, {}, 'whole')).toEqual([{ path: ['a'], from: null }]);
    expect(findChanges({}, { constructor: 'f' }, 'whole')).toEqual([{ path: ['constructor'], to: 'f' }]);
    expect(findChanges({ a: [] }, { a: {} }, 'whole')).toEqual([{ path: ['a'], from: [], to: {} }]);
  });
});
