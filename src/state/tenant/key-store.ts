import type { KeyId } from '../../core/identity/ids.ts';
import type { Page } from '../page.ts';

/** Maximum number of live keys of a tenant. Every isolate that serves the tenant gets all its keys. */
export const MAX_KEYS = 50;
/** Milliseconds that an expired key is kept, so that a caller with this key is refused with the reason `key-expired`. */
const KEPT_EXPIRED_MS = 30 * 24 * 3_600_000;
const MAX_EXPIRED_KEYS = 50;
/** Minimum number of milliseconds between two stored uses of a key, to save writes. */
const LAST_USED_STEP_MS = 30_000;

/** A key without its secret. The secret is stored nowhere. */
export interface KeyRecord {
  readonly id: KeyId;
  readonly name: string;
  readonly createdAtMs: number;
  readonly expiresAtMs: number | null;
  /** At most a minute earlier than the actual last use. */
  readonly lastUsedAtMs: number | null;
}

type KeyRow = {
  id: string;
  name: string;
  created_at_ms: number;
  expires_at_ms: number | null;
  last_used_at_ms: number | null;
  successor: string | null;
};

const toKey = (row: KeyRow): KeyRecord => ({
  id: row.id as KeyId,
  name: row.name,
  createdAtMs: row.created_at_ms,
  expiresAtMs: row.expires_at_ms,
  lastUsedAtMs: row.last_used_at_ms,
});

/** The keys of a tenant. Make each change in a transaction of the object, together with a new revision. */
export class KeyStore {
  readonly #sql: SqlStorage;
  readonly #now: () => number;

  constructor(sql: SqlStorage, now: () => number) {
    this.#sql = sql;
    this.#now = now;
  }

  find(id: string): KeyRecord | undefined {
    const [row] = this.#sql.exec<KeyRow>('SELECT * FROM key WHERE id = ?', id).toArray();
    return row && toKey(row);
  }

  /** The id of the key that replaces a rotated key. Undefined if the key was not rotated. */
  successorOf(id: string): KeyId | undefined {
    const [row] = this.#sql.exec<Pick<KeyRow, 'successor'>>('SELECT successor FROM key WHERE id = ?', id).toArray();
    return (row?.successor ?? undefined) as KeyId | undefined;
  }

  /** True if there is room for one more live key. First drops expired keys that are too old or too many. */
  hasRoom(): boolean {
    const nowMs = this.#now();
    this.#sql.exec(
      `DELETE FROM key WHERE expires_at_ms < ? OR id IN (
         SELECT id FROM key WHERE expires_at_ms <= ? ORDER BY expires_at_ms DESC LIMIT -1 OFFSET ?
       )`,
      nowMs - KEPT_EXPIRED_MS,
      nowMs,
      MAX_EXPIRED_KEYS,
    );
    const live = 'SELECT count(*) AS n FROM key WHERE expires_at_ms IS NULL OR expires_at_ms > ?';
    return this.#sql.exec<{ n: number }>(live, nowMs).one().n < MAX_KEYS;
  }

  insert(id: KeyId, name: string, expiresAtMs: number | null): void {
    this.#sql.exec(
      'INSERT INTO key (id, name, created_at_ms, expires_at_ms) VALUES (?, ?, ?, ?)',
      id,
      name,
      this.#now(),
      expiresAtMs,
    );
  }

  setExpiry(id: string, expiresAtMs: number | null): void {
    this.#sql.exec('UPDATE key SET expires_at_ms = ? WHERE id = ?', expiresAtMs, id);
  }

  setSuccessor(id: string, successor: KeyId): void {
    this.#sql.exec('UPDATE key SET successor = ? WHERE id = ?', successor, id);
  }

  /** One page of keys, live or expired, sorted by id. Starts after the id `after`. */
  list(after: string, limit: number): Page<KeyRecord> {
    const rows = this.#sql
      .exec<KeyRow>('SELECT * FROM key WHERE id > ? ORDER BY id LIMIT ?', after, limit + 1)
      .toArray();
    const items = rows.slice(0, limit).map(toKey);
    return { items, next: rows.length > limit ? (items.at(-1)?.id ?? null) : null };
  }

  /** The expiry of each key by id, in epoch milliseconds. Null for a key that never expires. */
  expiries(): Record<string, number | null> {
    const rows = this.#sql.exec<Pick<KeyRow, 'id' | 'expires_at_ms'>>('SELECT id, expires_at_ms FROM key').toArray();
    return Object.fromEntries(rows.map((row) => [row.id, row.expires_at_ms]));
  }

  /** Stores when keys were last used: epoch milliseconds, by key id. */
  markUsed(keysUsed: ReadonlyMap<string, number>): void {
    for (const [id, atMs] of keysUsed) {
      this.#sql.exec(
        'UPDATE key SET last_used_at_ms = ?1 WHERE id = ?2 AND ifnull(last_used_at_ms, 0) < ?1 - ?3',
        atMs,
        id,
        LAST_USED_STEP_MS,
      );
    }
  }

  remove(id: string): void {
    this.#sql.exec('DELETE FROM key WHERE id = ?', id);
  }

  clear(): void {
    this.#sql.exec('DELETE FROM key');
  }
}
