import { DurableObject } from 'cloudflare:workers';
import type { KeyId, TenantId } from '../../core/identity/ids.ts';
import type { Denial, LeaseRequest, LimitStatus } from '../../core/quota/lease-protocol.ts';
import { limitStatuses, unsettledCalls } from '../../core/quota/ledger.ts';
import type { LimitsDocument } from '../../core/quota/limits.ts';
import type {
  LiveTenant,
  TenantAnswer,
  TenantDocument,
  Tenant as TenantRecord,
  TenantSnapshot,
} from '../../core/tenancy/tenant.ts';
import { addUsage, addUsageOf, emptyUsage, type Usage, type UsageByFunction } from '../../core/usage/usage.ts';
import { createFailureLog } from '../../edge/failure-log.ts';
import { writeLog } from '../../edge/log.ts';
import {
  type Actor,
  type AuditEntry,
  type AuditTrail,
  changesOf,
  createAuditTrail,
  ROOT_ACTOR,
} from '../audit-trail.ts';
import { migrate } from '../migrate.ts';
import type { Page } from '../page.ts';
import { createLedgerStore, type LedgerStore } from './ledger-store.ts';
import { TENANT_MIGRATIONS } from './migrations.ts';
import { createUsageStore, type Step, type UsageStore } from './usage-store.ts';

/** Keys that a tenant may have alive: each travels to every isolate that serves it. */
export const MAX_KEYS = 50;
/** Expired keys are kept for a while, so that their callers are told so; no more than so many. */
const KEPT_EXPIRED_MS = 30 * 24 * 3_600_000;
const MAX_EXPIRED_KEYS = 50;
/** How much older than the truth a stored last use may be: not every use is worth a write. */
const LAST_USED_STEP_MS = 30_000;

/** A live key, without its secret, which nobody stores. */
export interface KeyRecord {
  readonly id: KeyId;
  readonly name: string;
  readonly createdAtMs: number;
  readonly expiresAtMs: number | null;
  /** At most a minute behind. */
  readonly lastUsedAtMs: number | null;
}

/** A key that has a successor: it is not rotated twice. */
export interface RotatedKey {
  readonly rotatedTo: KeyId;
}

/** What a tenant used, and how its limits stand. */
export interface UsageReport {
  /** Of each step the sum over functions: apart, they may be more than one answer can carry. */
  readonly steps: readonly { readonly atMs: number; readonly use: Usage }[];
  readonly functions: UsageByFunction;
  /** Calls in expired leases of which nothing has been heard so far; those written off stand in `steps`. */
  readonly unsettledNow: number;
  readonly standings: readonly LimitStatus[];
  readonly atMs: number;
}

/** A tenant as the gateway would know it, and which limit would refuse a call. */
export interface Foresight {
  readonly tenant: LiveTenant;
  readonly limit: Denial | null;
}

type TenantRow = {
  id: string;
  document: string;
  version: number;
  created_at_ms: number;
  updated_at_ms: number;
  revision: number;
};
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

/**
 * A tenant's object: what it is, which of its keys live, its ledger and its use. Found by its id's name; made on first
 * use.
 */
export class Tenant extends DurableObject {
  readonly #sql: SqlStorage;
  readonly #usage: UsageStore;
  readonly #ledger: LedgerStore;
  readonly #audit: AuditTrail;
  /** The limits as of the revision. */
  #limits: { readonly revision: number; readonly limits: LimitsDocument } | undefined;

  constructor(ctx: DurableObjectState, env: unknown) {
    super(ctx, env as never);
    this.#sql = ctx.storage.sql;
    migrate(ctx.storage, TENANT_MIGRATIONS);
    this.#usage = createUsageStore(this.#sql);
    this.#ledger = createLedgerStore(ctx.storage, this.#usage);
    this.#audit = createAuditTrail(this.#sql);
  }

  /** Writes the tenant; to repeat it changes nothing. Whether the gateway's trail has room was asked before. */
  create(id: TenantId, document: TenantDocument, actor: Actor = ROOT_ACTOR): TenantRecord {
    return this.#change(() => {
      const now = Date.now();
      const { rowsWritten } = this.#sql.exec(
        'INSERT OR IGNORE INTO tenant (only, id, document, version, created_at_ms, updated_at_ms) VALUES (1, ?, ?, 1, ?, ?)',
        id,
        JSON.stringify(document),
        now,
        now,
      );
      if (rowsWritten > 0) this.#audit.add(actor, 'tenant.create', { changes: changesOf({}, document) });
      const created = this.read();
      if (!created) throw new Error('a tenant that was just written is not there');
      return created;
    });
  }

  /** A change and its line in the audit trail happen both or neither. */
  #change<T>(run: () => T): T {
    return this.ctx.storage.transactionSync(run);
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
  replace(document: TenantDocument, version: number, actor: Actor = ROOT_ACTOR): TenantRecord | 'trail-full' | null {
    return this.#change(() => {
      const before = this.read();
      if (before?.version !== version) return null;
      if (!this.#audit.hasRoom(actor, 'tenant.change')) return 'trail-full';
      this.#sql.exec(
        'UPDATE tenant SET document = ?, version = version + 1, revision = revision + 1, updated_at_ms = ?',
        JSON.stringify(document),
        Date.now(),
      );
      const { id: _id, version: _version, createdAtMs: _created, updatedAtMs: _updated, ...replaced } = before;
      const changes = changesOf(replaced, document);
      if (changes.length > 0) this.#audit.add(actor, 'tenant.change', { changes });
      return this.read();
    });
  }

  /**
   * Removes the tenant, all its keys and its use; the audit trail stays.
   *
   * @returns whether it existed; `conflict` if it had none of the versions given.
   */
  remove(actor: Actor = ROOT_ACTOR, versions?: readonly number[]): boolean | 'conflict' {
    return this.#change(() => {
      const before = this.read();
      if (!before) return false;
      if (versions && !versions.includes(before.version)) return 'conflict';
      this.#sql.exec('DELETE FROM key');
      this.#ledger.clear();
      this.#usage.clear();
      this.#sql.exec('DELETE FROM tenant');
      this.#audit.add(actor, 'tenant.delete', {});
      return true;
    });
  }

  /** Adds a key, or finds it added already; null when there is no tenant. */
  addKey(
    id: KeyId,
    name: string,
    expiresAtMs: number | null,
    actor: Actor = ROOT_ACTOR,
  ): KeyRecord | 'too-many' | 'trail-full' | null {
    return this.#change(() => {
      if (!this.read()) return null;
      const added = this.#findKey(id);
      if (added) return added;
      if (!this.#audit.hasRoom(actor, 'key.create')) return 'trail-full';
      if (!this.#hasRoomForKey()) return 'too-many';
      this.#insertKey(id, name, expiresAtMs);
      this.#audit.add(actor, 'key.create', { key: { id, name, expiresAtMs } });
      return this.#findKey(id) ?? null;
    });
  }

  /**
   * Puts a new key in the place of one, which goes on to work for a while. To repeat it changes nothing.
   *
   * @returns the new key; null when there is no such key.
   */
  rotateKey(
    id: string,
    successor: KeyId,
    graceMs: number,
    actor: Actor = ROOT_ACTOR,
  ): KeyRecord | RotatedKey | 'too-many' | 'expired' | 'trail-full' | null {
    return this.#change(() => {
      const done = this.#findKey(successor);
      if (done) return done;
      const key = this.#findKey(id);
      if (!key) return null;
      const rotatedTo = this.#successorOf(id);
      if (rotatedTo) return { rotatedTo };
      if (!this.#audit.hasRoom(actor, 'key.rotate')) return 'trail-full';
      const now = Date.now();
      if (key.expiresAtMs !== null && key.expiresAtMs <= now) return 'expired';
      const endsAtMs = Math.min(key.expiresAtMs ?? Number.POSITIVE_INFINITY, now + graceMs);
      this.#sql.exec('UPDATE key SET expires_at_ms = ? WHERE id = ?', endsAtMs, id);
      if (!this.#hasRoomForKey()) {
        this.#sql.exec('UPDATE key SET expires_at_ms = ? WHERE id = ?', key.expiresAtMs, id);
        return 'too-many';
      }
      this.#insertKey(successor, key.name, key.expiresAtMs);
      this.#sql.exec('UPDATE key SET successor = ? WHERE id = ?', successor, id);
      this.#audit.add(actor, 'key.rotate', { key: { id, name: key.name, expiresAtMs: endsAtMs }, successor });
      return this.#findKey(successor) ?? null;
    });
  }

  #findKey(id: string): KeyRecord | undefined {
    const [row] = this.#sql.exec<KeyRow>('SELECT * FROM key WHERE id = ?', id).toArray();
    return row && toKey(row);
  }

  #successorOf(id: string): KeyId | undefined {
    const [row] = this.#sql.exec<Pick<KeyRow, 'successor'>>('SELECT successor FROM key WHERE id = ?', id).toArray();
    return (row?.successor ?? undefined) as KeyId | undefined;
  }

  #hasRoomForKey(): boolean {
    const now = Date.now();
    this.#sql.exec(
      `DELETE FROM key WHERE expires_at_ms < ? OR id IN (
         SELECT id FROM key WHERE expires_at_ms <= ? ORDER BY expires_at_ms DESC LIMIT -1 OFFSET ?
       )`,
      now - KEPT_EXPIRED_MS,
      now,
      MAX_EXPIRED_KEYS,
    );
    const live = 'SELECT count(*) AS n FROM key WHERE expires_at_ms IS NULL OR expires_at_ms > ?';
    return this.#sql.exec<{ n: number }>(live, now).one().n < MAX_KEYS;
  }

  #insertKey(id: KeyId, name: string, expiresAtMs: number | null): void {
    this.#sql.exec(
      'INSERT INTO key (id, name, created_at_ms, expires_at_ms) VALUES (?, ?, ?, ?)',
      id,
      name,
      Date.now(),
      expiresAtMs,
    );
    this.#revise();
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
  revokeKey(id: string, actor: Actor = ROOT_ACTOR): boolean {
    return this.#change(() => {
      const key = this.#findKey(id);
      if (!key) return false;
      this.#sql.exec('DELETE FROM key WHERE id = ?', id);
      this.#revise();
      this.#audit.add(actor, 'key.revoke', { key: { id, name: key.name } });
      return true;
    });
  }

  /** What was done to the tenant, the newest first; also of one that was deleted. */
  audit(after: string, limit: number): Page<AuditEntry> {
    return this.#audit.list(after, limit);
  }

  /** What isolates know of the tenant has changed. */
  #revise(): void {
    this.#sql.exec('UPDATE tenant SET revision = revision + 1');
  }

  /**
   * Answers an isolate: the tenant as it is now, unless that is the revision which the isolate has, and a lease. Safe to
   * repeat.
   */
  ask(ask: LeaseRequest, knownRevision: number, keysUsed?: ReadonlyMap<string, number>): TenantAnswer {
    for (const [id, atMs] of keysUsed ?? []) {
      this.#sql.exec(
        'UPDATE key SET last_used_at_ms = ?1 WHERE id = ?2 AND ifnull(last_used_at_ms, 0) < ?1 - ?3',
        atMs,
        id,
        LAST_USED_STEP_MS,
      );
    }
    const row = this.#revision();
    if (!row) return this.#absent();
    const { id, revision } = row;
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
      this.#logFailure(id as TenantId, error);
      return answer;
    }
  }

  /** Answers an isolate whose ask failed, by reading alone: the tenant as it is, and no lease. */
  look(knownRevision: number): TenantAnswer {
    const row = this.#revision();
    if (!row) return this.#absent();
    const { revision } = row;
    return { revision, ...(revision !== knownRevision && { snapshot: this.snapshot() }) };
  }

  #revision(): { id: string; revision: number } | undefined {
    return this.#sql.exec<{ id: string; revision: number }>('SELECT id, revision FROM tenant').toArray()[0];
  }

  /** There is no tenant. A deleted one has left its audit trail. */
  #absent(): TenantAnswer {
    return { revision: 0, snapshot: { exists: false }, ...(this.isBlank() && { isBlank: true }) };
  }

  /** Nothing was ever done here. */
  isBlank(): boolean {
    return this.read() === null && this.#audit.list('', 1).items.length === 0;
  }

  /**
   * What the tenant used, step by step, and how its limits stand; null when there is no tenant.
   *
   * @param writes false: by reading alone, on a full disk. Calls that are to be written off then count as of now.
   */
  usage(step: Step, fromMs: number, toMs: number, writes = true): UsageReport | null {
    const tenant = this.read();
    if (!tenant) return null;
    if (writes) {
      this.#ledger.advance(tenant.limits);
      this.#usage.rollUp();
    }
    const { ledger, writtenOff } = this.#ledger.read(tenant.limits);
    const functions: UsageByFunction = new Map();
    const steps = this.#usage.read(step, fromMs, toMs).map(({ atMs, functions: used }) => {
      const use = emptyUsage();
      for (const [name, one] of used) {
        addUsage(use, one);
        addUsageOf(functions, name, one);
      }
      return { atMs, use };
    });
    return {
      steps,
      functions,
      unsettledNow: unsettledCalls(ledger, ledger.atMs) + writtenOff,
      standings: limitStatuses(ledger, tenant.limits),
      atMs: ledger.atMs,
    };
  }

  readonly #logFailure = createFailureLog(writeLog, Date.now);

  /** What this object would answer one more call with such a payload. Null if there is no tenant. */
  foresee(bytes: number): Foresight | null {
    const tenant = this.snapshot();
    if (!tenant.exists) return null;
    return { tenant, limit: this.#ledger.peekDenial(tenant.limits, bytes) ?? null };
  }

  /** What a gateway isolate needs to serve this tenant's calls. */
  snapshot(): TenantSnapshot {
    const tenant = this.read();
    if (!tenant) return { exists: false };
    const { status, policy, limits, upstream, issuers = [], meterDuration = false } = tenant;
    const rows = this.#sql.exec<Pick<KeyRow, 'id' | 'expires_at_ms'>>('SELECT id, expires_at_ms FROM key').toArray();
    return {
      exists: true,
      status,
      policy,
      limits,
      upstream,
      meterDuration,
      issuers,
      keys: Object.fromEntries(rows.map((row) => [row.id, row.expires_at_ms])),
    };
  }
}
