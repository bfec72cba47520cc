/**
 * A map with a limited number of entries. One more replaces the least recently used. Uses are noted only once the map is
 * half full: before that, noting each use would cost more than the lookup, and no entry is replaced soon.
 */
export interface BoundedMap<K, V> {
  readonly size: number;
  /** Reads an entry, which counts as using it. */
  get(key: K): V | undefined;
  /** Reads an entry without using it. */
  peek(key: K): V | undefined;
  /** Adds or replaces an entry, which counts as using it. */
  set(key: K, value: V): void;
  delete(key: K): void;
  /** The least recently used first. */
  entries(): MapIterator<[K, V]>;
}

export function createBoundedMap<K, V>(maxEntries: number): BoundedMap<K, V> {
  // A `Map` keeps the order of insertion. A used entry is inserted again, so the first is the least recently used.
  const entries = new Map<K, V>();
  const set = (key: K, value: V): void => {
    entries.delete(key);
    entries.set(key, value);
    if (entries.size <= maxEntries) return;
    const [oldest] = entries.keys();
    entries.delete(oldest as K);
  };
  return {
    get size() {
      return entries.size;
    },
    get(key) {
      const value = entries.get(key);
      if (value !== undefined && entries.size * 2 > maxEntries) set(key, value);
      return value;
    },
    peek: (key) => entries.get(key),
    set,
    delete: (key) => void entries.delete(key),
    entries: () => entries.entries(),
  };
}
