import { describe, expect, it } from 'vitest';
import { compileRanges, findRangeFault } from '../../src/edge/address-ranges.ts';

describe('compileRanges', () => {
  const isAllowed = compileRanges(['203.0.113.0/24', '2001:db8::/32', '198.51.100.7/32']);

  it.each(['203.0.113.0', '203.0.113.255', '198.51.100.7', '2001:db8:1::5', '::ffff:203.0.113.9'])(
    'takes %s',
    (address) => {
      expect(isAllowed(address)).toBe(true);
    },
  );

  it('reads addresses strictly, as their author meant them', () => {
    const isTen = compileRanges(['8.0.0.0/8', '10.0.0.0/8', '010.0.0.0/8']);
    expect(['10.1.1.1', '8.1.1.1', '::ffff:10.1.1.1', '::ffff:a01:101'].map(isTen)).toEqual([true, true, true, true]);
    for (const odd of [
      '010.1.1.1',
      '0x0a.1.1.1',
      '10.1',
      '167837953',
      '10.1.1.1 ',
      '::ffff:010.1.1.1',
      '::ffff:10.1.1.1%1',
    ]) {
      expect([odd, isTen(odd)]).toEqual([odd, false]);
    }
    expect(compileRanges(['010.0.0.0/8'])('8.0.0.1')).toBe(false);
  });

  it.each(['203.0.114.1', '198.51.100.8', '2001:db9::1', '::1', '', 'unknown', '203.0.113.9, 10.0.0.1', undefined])(
    'does not take %s',
    (address) => {
      expect(isAllowed(address)).toBe(false);
    },
  );

  it('takes all where nothing is said, and none where nothing can be read', () => {
    expect(compileRanges(undefined)(undefined)).toBe(true);
    expect(compileRanges(['nonsense'])('203.0.113.1')).toBe(false);
  });
});

describe('findRangeFault', () => {
  it.each([
    ['203.0.113.0/24', undefined],
    ['2001:db8::/32', undefined],
    ['0.0.0.0/0', undefined],
    ['203.0.113.7/24', 'write 203.0.113.0/24, or the address alone as 203.0.113.7/32'],
    ['2001:db8::1/32', 'write 2001:db8::/32'],
    ['203.0.113.7', 'must be a range'],
    ['203.0.113.0/33', 'must be a range'],
    ['010.0.0.0/8', 'without leading zeros'],
    ['0x0a.0.0.0/8', 'must be a range'],
    ['10.0/16', 'must be a range'],
    ['167772160/8', 'must be a range'],
    ['10.0.0.0/08', 'must be a range'],
    ['2001:db8::%1/32', 'must be a range'],
    ['::ffff:010.0.0.0/104', 'must be a range'],
    ['::ffff:203.0.113.0/120', 'can never match: IPv4 addresses are matched as IPv4. Write 203.0.113.0/24'],
    ['::ffff:0:0/96', 'Write 0.0.0.0/0'],
    ['example.com/24', 'must be a range'],
  ])('says of %s: %s', (range, fault) => {
    if (fault === undefined) expect(findRangeFault(range)).toBeUndefined();
    else expect(findRangeFault(range)).toContain(fault);
  });
});
