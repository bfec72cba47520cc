/**
 * A map with a limited number of entries. A new entry in a full map replaces the least recently used entry. Reads count
 * as uses only while the map is more than half full: in an emptier map, recording each use would cost more than the
 * lookup, and no entry is about to be replaced.
 */
export interface BoundedMap<K, V> {
  readonly size: number;
  /** Reads an entry, and counts the read as a use. */
  get(key: K): V | undefined;
  /** Reads an entry, and does not count the read as a use. */
  peek(key: K): V | undefined;
  /** Adds or replaces an entry, and counts the write as a use. */
  set(key: K, value: V): void;
  delete(key: K): void;
  /** Returns the entries, least recently used first. */
  entries(): MapIterator<[K, V]>;
}

export function createBoundedMap<K, V>(maxEntries: number): BoundedMap<K, V> {
  // A `Map` keeps the order of insertion. A used entry is inserted again, so the first entry is the least recently used.
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
