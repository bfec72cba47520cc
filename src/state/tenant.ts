import { DurableObject } from 'cloudflare:workers';
import type { LedgerAsk, LimitStanding } from '../core/quota/exchange.ts';
import { standingsOf, unsettledCalls } from '../core/quota/ledger.ts';
import type { LimitsDocument } from '../core/quota/limits.ts';
import type { KeyId, TenantId } from '../core/tenancy/ids.ts';
import type { TenantAnswer, TenantDocument, Tenant as TenantRecord, TenantSnapshot } from '../core/tenancy/tenant.ts';
import { createLedgerStore, LEDGER_SCHEMA, type LedgerStore } from './ledger-store.ts';
import { type Migration, migrate } from './migrate.ts';
import { createUsageStore, type Step, USAGE_SCHEMA, type UsageStore, type UsedStep } from './usage-store.ts';

const MIGRATIONS: readonly Migration[] = [
  `CREATE TABLE tenant (
     only INTEGER PRIMARY KEY CHECK (only = 1),
     id TEXT NOT NULL,
     document TEXT NOT NULL,
     version INTEGER NOT NULL,
     created_at_ms INTEGER NOT NULL,
     updated_at_ms INTEGER NOT NULL
   );
   CREATE TABLE key (
     id TEXT PRIMARY KEY,
     name TEXT NOT NULL,
     created_at_ms INTEGER NOT NULL,
     expires_at_ms INTEGER
   ) WITHOUT ROWID;`,
  `ALTER TABLE tenant ADD COLUMN revision INTEGER NOT NULL DEFAULT 1;
   ${LEDGER_SCHEMA}
   ${USAGE_SCHEMA}`,
];

/** Keys that a tenant may have: each travels to every isolate that serves it. */
export const MAX_KEYS = 50;
const KEPT_EXPIRED_MS = 30 * 24 * 3_600_000;

/** A live key, without its secret, which nobody stores. */
export interface KeyRecord {
  readonly id: KeyId;
  readonly name: string;
  readonly createdAtMs: number;
  readonly expiresAtMs: number | null;
}

/** One page of a list, and where the next begins. */
export interface Page<T> {
  readonly items: readonly T[];
  readonly next: string | null;
}

/** What a tenant used, and how its limits stand. */
export interface UsageReport {
  readonly steps: readonly UsedStep[];
  /** Calls in expired leases of which nothing has been heard so far; those written off stand in `steps`. */
  readonly unsettledNow: number;
  readonly standings: readonly LimitStanding[];
  readonly atMs: number;
}

type TenantRow = {
  id: string;
  document: string;
  version: number;
  created_at_ms: number;
  updated_at_ms: number;
  revision: number;
};
type KeyRow = { id: string; name: string; created_at_ms: number; expires_at_ms: number | null };

const toKey = (row: KeyRow): KeyRecord => ({
  id: row.id as KeyId,
  name: row.name,
  createdAtMs: row.created_at_ms,
  expiresAtMs: row.expires_at_ms,
});

/**
 * A tenant's object: what it is, which of its keys live, its ledger and its use. Found by its id's name; made on first
 * use.
 */
export class Tenant extends DurableObject {
  readonly #sql: SqlStorage;
  readonly #usage: UsageStore;
  readonly #ledger: LedgerStore;
  /** The limits as of the revision. */
  #limits: { readonly revision: number; readonly limits: LimitsDocument } | undefined;

  constructor(ctx: DurableObjectState, env: unknown) {
    super(ctx, env as never);
    this.#sql = ctx.storage.sql;
    migrate(ctx.storage, MIGRATIONS);
    this.#usage = createUsageStore(this.#sql);
    this.#ledger = createLedgerStore(ctx.storage, this.#usage);
  }

  /** Writes the tenant; to repeat it changes nothing. */
  create(id: TenantId, document: TenantDocument): TenantRecord {
    const now = Date.now();
    this.#sql.exec(
      'INSERT OR IGNORE INTO tenant (only, id, document, version, created_at_ms, updated_at_ms) VALUES (1, ?, ?, 1, ?, ?)',
      id,
      JSON.stringify(document),
      now,
      now,
    );
    const created = this.read();
    if (!created) throw new Error('a tenant that was just written is not there');
    return created;
  }

  read(): TenantRecord | null {
    const [row] = this.#sql.exec<TenantRow>('SELECT * FROM tenant').toArray();
    if (!row) return null;
    return {
      id: row.id as TenantId,
      ...(JSON.parse(row.document) as TenantDocument),
      version: row.version,
      createdAtMs: row.created_at_ms,
      updatedAtMs: row.updated_at_ms,
    };
  }

  /** Replaces the document if the tenant is still at `version`; null when it is not, or is not there. */
  replace(document: TenantDocument, version: number): TenantRecord | null {
    const { rowsWritten } = this.#sql.exec(
      'UPDATE tenant SET document = ?, version = version + 1, revision = revision + 1, updated_at_ms = ? WHERE version = ?',
      JSON.stringify(document),
      Date.now(),
      version,
    );
    return rowsWritten > 0 ? this.read() : null;
  }

  /** Removes the tenant, all its keys and its use; false when it was not there. */
  remove(): boolean {
    return this.ctx.storage.transactionSync(() => {
      this.#sql.exec('DELETE FROM key');
      this.#ledger.clear();
      this.#usage.clear();
      return this.#sql.exec('DELETE FROM tenant').rowsWritten > 0;
    });
  }

  /** Adds a key, or finds it added already; null when there is no tenant. */
  addKey(id: KeyId, name: string, expiresAtMs: number | null): KeyRecord | 'too-many' | null {
    if (!this.read()) return null;
    // An expired key is kept for a while, so that its caller is told that it has expired.
    this.#sql.exec('DELETE FROM key WHERE expires_at_ms < ?', Date.now() - KEPT_EXPIRED_MS);
    const others = this.#sql.exec<{ n: number }>('SELECT count(*) AS n FROM key WHERE id <> ?', id).one().n;
    if (others >= MAX_KEYS) return 'too-many';
    this.#sql.exec(
      'INSERT OR IGNORE INTO key (id, name, created_at_ms, expires_at_ms) VALUES (?, ?, ?, ?)',
      id,
      name,
      Date.now(),
      expiresAtMs,
    );
    this.#revise();
    return toKey(this.#sql.exec<KeyRow>('SELECT * FROM key WHERE id = ?', id).one());
  }

  /** The keys that live, by id, from behind `after`; null when there is no tenant. */
  listKeys(after: string, limit: number): Page<KeyRecord> | null {
    if (!this.read()) return null;
    const rows = this.#sql
      .exec<KeyRow>('SELECT * FROM key WHERE id > ? ORDER BY id LIMIT ?', after, limit + 1)
      .toArray();
    const items = rows.slice(0, limit).map(toKey);
    return { items, next: rows.length > limit ? (items.at(-1)?.id ?? null) : null };
  }

  /** Revokes a key for good; false when there was no such key. */
  revokeKey(id: string): boolean {
    const revoked = this.#sql.exec('DELETE FROM key WHERE id = ?', id).rowsWritten > 0;
    if (revoked) this.#revise();
    return revoked;
  }

  /** What isolates know of the tenant has changed. */
  #revise(): void {
    this.#sql.exec('UPDATE tenant SET revision = revision + 1');
  }

  /**
   * Answers an isolate: the tenant as it is now, unless that is the revision which the isolate has, and a lease. Safe to
   * repeat.
   */
  ask(ask: LedgerAsk, knownRevision: number): TenantAnswer {
    const [row] = this.#sql.exec<{ revision: number }>('SELECT revision FROM tenant').toArray();
    if (!row) return { revision: 0, snapshot: { exists: false } };
    const { revision } = row;
    let snapshot: TenantSnapshot | undefined;
    if (revision !== knownRevision || this.#limits?.revision !== revision) {
      snapshot = this.snapshot();
      if (snapshot.exists) this.#limits = { revision, limits: snapshot.limits };
    }
    const answer = { revision, ...(snapshot && revision !== knownRevision && { snapshot }) };
    try {
      return { ...answer, ledger: this.#ledger.ask(this.#limits?.limits ?? {}, ask) };
    } catch (error) {
      // What cannot be counted is not leased; the tenant says what then becomes of its calls.
      console.error(JSON.stringify({ level: 'error', ledger: String(error) }));
      return answer;
    }
  }

  /** What the tenant used, step by step, and how its limits stand; null when there is no tenant. */
  usage(step: Step, fromMs: number, toMs: number): UsageReport | null {
    const tenant = this.read();
    if (!tenant) return null;
    const ledger = this.#ledger.read(tenant.limits);
    return {
      steps: this.#usage.read(step, fromMs, toMs),
      unsettledNow: unsettledCalls(ledger, ledger.atMs),
      standings: standingsOf(ledger, tenant.limits),
      atMs: ledger.atMs,
    };
  }

  /** What a gateway isolate needs to serve this tenant's calls. */
  snapshot(): TenantSnapshot {
    const tenant = this.read();
    if (!tenant) return { exists: false };
    const { status, policy, limits, upstream, meterDuration = false } = tenant;
    const rows = this.#sql.exec<Pick<KeyRow, 'id' | 'expires_at_ms'>>('SELECT id, expires_at_ms FROM key').toArray();
    return {
      exists: true,
      status,
      policy,
      limits,
      upstream,
      meterDuration,
      keys: Object.fromEntries(rows.map((row) => [row.id, row.expires_at_ms])),
    };
  }
}
