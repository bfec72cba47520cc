import { DurableObject } from 'cloudflare:workers';
import type { Actor } from '../../core/identity/actor.ts';
import type { KeyId, TenantId } from '../../core/identity/ids.ts';
import type { Denial, LeaseRequest, LimitStatus } from '../../core/quota/lease-protocol.ts';
import { unsettledCalls } from '../../core/quota/ledger.ts';
import { limitStatuses } from '../../core/quota/limit-status.ts';
import type { LimitsDocument } from '../../core/quota/limits.ts';
import type { LiveTenant, TenantAnswer, TenantSnapshot } from '../../core/tenancy/snapshot.ts';
import { takesAway } from '../../core/tenancy/takes-away.ts';
import type { TenantDocument, TenantRecord } from '../../core/tenancy/tenant.ts';
import type { UsageStep } from '../../core/usage/steps.ts';
import { addUsage, addUsageOf, emptyUsage, type Usage, type UsageByFunction } from '../../core/usage/usage.ts';
import type { FieldFault } from '../../document/field-faults.ts';
import { patchTenant } from '../../document/patch-tenant.ts';
import { createFailureLog, type OnFailure } from '../../edge/failure-log.ts';
import { writeLog } from '../../edge/log.ts';
import { type AuditEntry, type AuditTrail, changesOf, createAuditTrail } from '../audit-trail.ts';
import { migrate } from '../migrate.ts';
import type { Page } from '../page.ts';
import type { ObjectPorts } from '../ports.ts';
import { type KeyRecord, KeyStore } from './key-store.ts';
import { LedgerStore } from './ledger-store.ts';
import { TENANT_MIGRATIONS } from './migrations.ts';
import { UsageStore } from './usage-store.ts';

/** The result for a key that has already been rotated. Such keys cannot be rotated again. */
export interface RotatedKey {
  readonly rotatedTo: KeyId;
}

/** The result of a patch. */
export type Patched =
  | { readonly kind: 'patched'; readonly tenant: TenantRecord }
  | { readonly kind: 'absent' }
  | { readonly kind: 'trail-full' }
  | { readonly kind: 'other-version'; readonly version: number }
  | { readonly kind: 'invalid'; readonly faults: readonly FieldFault[] };

/** A tenant's usage, and the status of its limits. */
export interface UsageReport {
  /** Each step's sum over all functions. Sums by step and function might not fit in one answer. */
  readonly steps: readonly { readonly atMs: number; readonly use: Usage }[];
  readonly functions: UsageByFunction;
  /** Number of calls that isolates should have reported by now but have not. Calls already written off are in `steps`. */
  readonly unsettledNow: number;
  readonly standings: readonly LimitStatus[];
  readonly atMs: number;
}

/** A tenant as the gateway sees it, and the limits that would refuse a call. */
export interface Foresight {
  readonly tenant: LiveTenant;
  /** The limit that would refuse the call, if any. */
  readonly limit: Denial | null;
  /** The limit that would refuse the call if the caller made a mistake. Mistakes are charged to the rate. */
  readonly mistakeLimit: Denial | null;
}

/** The part of a tenant that the operator wrote. */
function documentOf({
  id: _id,
  version: _version,
  createdAtMs: _created,
  updatedAtMs: _updated,
  ...document
}: TenantRecord) {
  return document;
}

type TenantRow = {
  id: string;
  document: string;
  version: number;
  created_at_ms: number;
  updated_at_ms: number;
  revision: number;
};
/**
 * A tenant's object. Holds the tenant's document, keys, ledger, usage and audit trail. The object's name is the tenant's id.
 * The first use creates the object.
 */
export class Tenant extends DurableObject {
  readonly #now: () => number;
  readonly #sql: SqlStorage;
  readonly #keys: KeyStore;
  readonly #usage: UsageStore;
  readonly #ledger: LedgerStore;
  readonly #audit: AuditTrail;
  readonly #onFailure: OnFailure;
  /** The tenant's limits at `revision`. */
  #limits: { readonly revision: number; readonly limits: LimitsDocument } | undefined;

  constructor(ctx: DurableObjectState, env: unknown, { now }: ObjectPorts) {
    super(ctx, env as never);
    this.#now = now;
    this.#sql = ctx.storage.sql;
    migrate(ctx.storage, TENANT_MIGRATIONS, now);
    this.#keys = new KeyStore(this.#sql, now);
    this.#usage = new UsageStore(this.#sql, now);
    this.#ledger = new LedgerStore(ctx.storage, this.#usage, now);
    this.#audit = createAuditTrail(this.#sql, now);
    this.#onFailure = createFailureLog(writeLog, now);
  }

  /** Creates the tenant. A repeated call changes nothing. The caller must first check that the gateway's trail has room. */
  create(id: TenantId, document: TenantDocument, actor: Actor): TenantRecord {
    return this.#change(() => {
      const nowMs = this.#now();
      const { rowsWritten } = this.#sql.exec(
        'INSERT OR IGNORE INTO tenant (only, id, document, version, created_at_ms, updated_at_ms) VALUES (1, ?, ?, 1, ?, ?)',
        id,
        JSON.stringify(document),
        nowMs,
        nowMs,
      );
      if (rowsWritten > 0) this.#audit.add(actor, 'tenant.create', { changes: changesOf({}, document) });
      return this.#written();
    });
  }

  #written(): TenantRecord {
    const tenant = this.read();
    if (!tenant) throw new Error('a tenant that was just written is not there');
    return tenant;
  }

  /** Runs a change, which adds its audit entry, in one transaction: both are written or neither is. */
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

  /**
   * Applies a merge patch (RFC 7396) and checks the result as a whole. This object is the only writer, so two
   * concurrent patches both take effect. Repeating a patch gives the same document.
   *
   * @param versions The versions that the patch may apply to. Undefined: any version.
   */
  patch(patch: unknown, versions: readonly number[] | undefined, actor: Actor): Patched {
    return this.#change(() => {
      const tenant = this.read();
      if (!tenant) return { kind: 'absent' };
      const { version } = tenant;
      if (versions && !versions.includes(version)) return { kind: 'other-version', version };
      const document = documentOf(tenant);
      const patched = patchTenant(document, patch);
      if (!patched.ok) return { kind: 'invalid', faults: patched.error };
      const changed = this.#write(document, patched.value, actor);
      return changed ? { kind: 'patched', tenant: changed } : { kind: 'trail-full' };
    });
  }

  /**
   * Replaces the document if the tenant is still at `version`. Null if the version differs or there is no tenant. Only
   * isolates from before `patch` existed call this method, during a rollout.
   */
  replace(document: TenantDocument, version: number, actor: Actor): TenantRecord | 'trail-full' | null {
    return this.#change(() => {
      const before = this.read();
      if (before?.version !== version) return null;
      return this.#write(documentOf(before), document, actor) ?? 'trail-full';
    });
  }

  /** Replaces a document. Undefined if the audit trail has no room. */
  #write(before: TenantDocument, document: TenantDocument, actor: Actor): TenantRecord | undefined {
    if (!this.#audit.hasRoom(actor, 'tenant.change', takesAway(before, document))) return undefined;
    this.#sql.exec(
      'UPDATE tenant SET document = ?, version = version + 1, revision = revision + 1, updated_at_ms = ?',
      JSON.stringify(document),
      this.#now(),
    );
    const changes = changesOf(before, document);
    if (changes.length > 0) this.#audit.add(actor, 'tenant.change', { changes });
    return this.#written();
  }

  /**
   * Removes the tenant, with its keys, ledger and usage. The audit trail stays.
   *
   * @returns true if the tenant existed, and `conflict` if its version is not in `versions`.
   */
  remove(actor: Actor, versions?: readonly number[]): boolean | 'conflict' {
    return this.#change(() => {
      const before = this.read();
      if (!before) return false;
      if (versions && !versions.includes(before.version)) return 'conflict';
      this.#keys.clear();
      this.#ledger.clear();
      this.#usage.clear();
      this.#sql.exec('DELETE FROM tenant');
      this.#audit.add(actor, 'tenant.delete', {});
      return true;
    });
  }

  /** Adds a key, or returns it if it already exists. Null if there is no tenant. */
  addKey(
    id: KeyId,
    name: string,
    expiresAtMs: number | null,
    actor: Actor,
  ): KeyRecord | 'too-many' | 'trail-full' | null {
    return this.#change(() => {
      if (!this.read()) return null;
      const added = this.#keys.find(id);
      if (added) return added;
      if (!this.#audit.hasRoom(actor, 'key.create')) return 'trail-full';
      if (!this.#keys.hasRoom()) return 'too-many';
      this.#keys.insert(id, name, expiresAtMs);
      this.#revise();
      this.#audit.add(actor, 'key.create', { key: { id, name, expiresAtMs } });
      return this.#keys.find(id) ?? null;
    });
  }

  /**
   * Replaces a key with a new key. The old key keeps working for at most `graceMs`. A repeated call changes nothing.
   *
   * @returns the new key. Null if the old key does not exist.
   */
  rotateKey(
    id: string,
    successor: KeyId,
    graceMs: number,
    actor: Actor,
  ): KeyRecord | RotatedKey | 'too-many' | 'expired' | 'trail-full' | null {
    return this.#change(() => {
      const done = this.#keys.find(successor);
      if (done) return done;
      const key = this.#keys.find(id);
      if (!key) return null;
      const rotatedTo = this.#keys.successorOf(id);
      if (rotatedTo) return { rotatedTo };
      if (!this.#audit.hasRoom(actor, 'key.rotate')) return 'trail-full';
      const nowMs = this.#now();
      if (key.expiresAtMs !== null && key.expiresAtMs <= nowMs) return 'expired';
      const endsAtMs = Math.min(key.expiresAtMs ?? Number.POSITIVE_INFINITY, nowMs + graceMs);
      this.#keys.setExpiry(id, endsAtMs);
      if (!this.#keys.hasRoom()) {
        this.#keys.setExpiry(id, key.expiresAtMs);
        return 'too-many';
      }
      this.#keys.insert(successor, key.name, key.expiresAtMs);
      this.#revise();
      this.#keys.setSuccessor(id, successor);
      this.#audit.add(actor, 'key.rotate', { key: { id, name: key.name, expiresAtMs: endsAtMs }, successor });
      return this.#keys.find(successor) ?? null;
    });
  }

  /** One page of keys, live or expired, sorted by id. Starts after the id `after`. Null if there is no tenant. */
  listKeys(after: string, limit: number): Page<KeyRecord> | null {
    return this.read() && this.#keys.list(after, limit);
  }

  /** Revokes a key for good. Returns false if the key does not exist. */
  revokeKey(id: string, actor: Actor): boolean {
    return this.#change(() => {
      const key = this.#keys.find(id);
      if (!key) return false;
      this.#keys.remove(id);
      this.#revise();
      this.#audit.add(actor, 'key.revoke', { key: { id, name: key.name } });
      return true;
    });
  }

  /** One page of the tenant's audit trail, newest entry first. The trail remains after the tenant is deleted. */
  audit(after: string, limit: number): Page<AuditEntry> {
    return this.#audit.list(after, limit);
  }

  /** Starts a new revision, so that isolates fetch the tenant again. */
  #revise(): void {
    this.#sql.exec('UPDATE tenant SET revision = revision + 1');
  }

  /**
   * Answers an isolate with a lease, and with the tenant unless the isolate has the current revision. Safe to repeat.
   */
  ask(ask: LeaseRequest, knownRevision: number, keysUsed?: ReadonlyMap<string, number>): TenantAnswer {
    if (keysUsed) this.#keys.markUsed(keysUsed);
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
      // If the ledger fails, the answer has no lease. The tenant's `onLimitsUnavailable` then decides on its calls.
      this.#onFailure(id as TenantId, error);
      return answer;
    }
  }

  /** Answers an isolate whose `ask` failed. The answer has the tenant but no lease. Writes nothing. */
  look(knownRevision: number): TenantAnswer {
    const row = this.#revision();
    if (!row) return this.#absent();
    const { revision } = row;
    return { revision, ...(revision !== knownRevision && { snapshot: this.snapshot() }) };
  }

  #revision(): { id: string; revision: number } | undefined {
    return this.#sql.exec<{ id: string; revision: number }>('SELECT id, revision FROM tenant').toArray()[0];
  }

  /** The answer if there is no tenant. A deleted tenant is not blank, because its audit trail remains. */
  #absent(): TenantAnswer {
    return { revision: 0, snapshot: { exists: false }, ...(this.isBlank() && { isBlank: true }) };
  }

  /** True if this object never held a tenant, or if its database was lost. */
  isBlank(): boolean {
    return this.read() === null && this.#audit.list('', 1).items.length === 0;
  }

  /**
   * The tenant's usage by step, and the status of its limits. Null if there is no tenant.
   *
   * @param writes False: writes nothing, so `usage` works on a full disk. Calls due to be written off then count in
   * `unsettledNow`.
   */
  usage(step: UsageStep, fromMs: number, toMs: number, writes = true): UsageReport | null {
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

  /** Predicts this object's answer to one more call with a payload of `bytes` bytes. Null if there is no tenant. */
  foresee(bytes: number): Foresight | null {
    const tenant = this.snapshot();
    if (!tenant.exists) return null;
    const { limits } = tenant;
    const limit = this.#ledger.peekDenial(limits, bytes) ?? null;
    return { tenant, limit, mistakeLimit: this.#ledger.peekMistakeDenial(limits) ?? null };
  }

  /** The snapshot that a gateway isolate needs to serve this tenant's calls. */
  snapshot(): TenantSnapshot {
    const tenant = this.read();
    if (!tenant) return { exists: false };
    const { status, policy, limits, upstream, issuers = [], meterDuration = false } = tenant;
    return {
      exists: true,
      status,
      policy,
      limits,
      upstream,
      meterDuration,
      issuers,
      keys: this.#keys.expiries(),
    };
  }
}
