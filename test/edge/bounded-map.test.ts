import { describe, expect, it } from 'vitest';
import { createBoundedMap } from '../../src/edge/bounded-map.ts';

describe('createBoundedMap', () => {
  const filled = (keys: string) => {
    const map = createBoundedMap<string, number>(4);
    for (const key of keys) map.set(key, key.charCodeAt(0));
    return map;
  };
  const keysOf = (map: ReturnType<typeof filled>) => [...map.entries()].map(([key]) => key).join('');

  it('keeps what it is given, until it is full', () => {
    const map = filled('abcd');
    expect([map.size, map.get('a'), map.get('z')]).toEqual([4, 97, undefined]);
  });

  it('lets go of the least recently used, by reading or by writing', () => {
    const map = filled('abcd');
    map.get('a');
    map.set('b', 0);
    map.set('e', 0);
    expect([keysOf(map), map.get('c')]).toEqual(['dabe', undefined]);
  });

  it('does not count a peek as a use', () => {
    const map = filled('abcd');
    expect(map.peek('a')).toBe(97);
    map.set('e', 0);
    expect(keysOf(map)).toBe('bcde');
  });

  it('replaces an entry without losing another', () => {
    const map = filled('abcd');
    map.set('d', 1);
    expect([keysOf(map), map.get('d')]).toEqual(['abcd', 1]);
  });

  it('forgets what is deleted', () => {
    const map = filled('abcd');
    map.delete('b');
    map.set('e', 0);
    expect([keysOf(map), map.get('b')]).toEqual(['acde', undefined]);
  });

  it('never lets go of what was used while half of it was filled, whatever came between', () => {
    const map = createBoundedMap<number, number>(100);
    for (let n = 0; n < 10_000; n++) {
      map.set(n, n);
      expect(map.size).toBeLessThanOrEqual(100);
      if (n % 40 === 0) map.get(0);
    }
    expect(map.get(0)).toBe(0);
  });
});
