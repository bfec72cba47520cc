import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { matchesGlob, parseFunctionPattern } from '../../../src/core/policy/pattern.ts';

describe('matchesGlob', () => {
  it('agrees with the same pattern as a regular expression', () => {
    const letters = fc.stringMatching(/^[ab]{0,8}$/);
    const pattern = fc.stringMatching(/^[ab*]{0,6}$/);
    fc.assert(
      fc.property(pattern, letters, (glob, text) => {
        expect(matchesGlob(glob, text)).toBe(new RegExp(`^${glob.replaceAll('*', '.*')}$`).test(text));
      }),
      { numRuns: 5_000 },
    );
  });

  it('takes no more steps than characters of the pattern times those of the text', () => {
    const text = fc.stringMatching(/^[ab]{0,256}$/);
    const hostile = fc.constantFrom('a'.repeat(256), `${'ab'.repeat(127)}b`);
    const pattern = fc.oneof(
      fc.stringMatching(/^[ab*]{1,256}$/),
      fc.constantFrom(`${'*a'.repeat(100)}b`, `*${'a'.repeat(200)}b`),
    );
    fc.assert(
      fc.property(pattern, fc.oneof(text, hostile), (glob, input) => {
        const steps = { taken: 0 };
        matchesGlob(glob, input, steps);
        expect(steps.taken).toBeLessThanOrEqual(glob.length * Math.max(1, input.length));
      }),
      { numRuns: 2_000 },
    );
  });

  it('takes every character but the star as it is', () => {
    expect(matchesGlob('a.c', 'abc')).toBe(false);
    expect(matchesGlob('a.c', 'a.c')).toBe(true);
    expect(matchesGlob('orders-*', 'orders-')).toBe(true);
    expect(matchesGlob('orders-*', 'Orders-1')).toBe(false);
  });
});

describe('parseFunctionPattern', () => {
  it.each([
    ['orders-*', { name: 'orders-*' }],
    ['*', { name: '*' }],
    [
      'arn:aws-cn:lambda:cn-north-1:123456789012:function:orders-*',
      { name: 'orders-*', place: { partition: 'aws-cn', region: 'cn-north-1', account: '123456789012' } },
    ],
  ])('reads %s', (text, value) => {
    expect(parseFunctionPattern(text)).toEqual({ ok: true, value });
  });

  it.each([
    ['orders:live', 'qualifiers'],
    ['123456789012:function:orders', 'full function ARN'],
    ['', 'function name'],
    ['a?b', 'function name'],
    ['arn:aws:lambda:eu-west-1:123456789012:function:f:live', 'qualifiers'],
    ['arn:aws:lambda:eu-west-1:*:function:f', 'account'],
    ['arn:aws:lambda:*:123456789012:function:f', 'region'],
    ['arn:aws:lambda:us-isoz-east-1:123456789012:function:f', 'region'],
    ['arn:aws:lambda:cn-north-1:123456789012:function:f', 'arn:aws-cn:'],
    ['arn:aws:s3:eu-west-1:123456789012:function:f', 'full function ARN'],
    ['a'.repeat(257), '256 characters'],
    ['..', 'can never match: no function has such a name'],
    [`${'a'.repeat(141)}*`, 'never match'],
  ])('refuses %s and says how to fix it', (text, words) => {
    const parsed = parseFunctionPattern(text);
    expect(parsed.ok ? '' : parsed.error).toContain(words);
  });
});
