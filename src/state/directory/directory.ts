import { DurableObject } from 'cloudflare:workers';
import type { Actor } from '../../core/identity/actor.ts';
import { type AdminAccess, type AdminTokenId, MAX_ADMIN_TOKENS } from '../../core/identity/admin-tokens.ts';
import type { GatewayId, TenantId } from '../../core/identity/ids.ts';
import type { TenantStatus } from '../../core/tenancy/tenant.ts';
import { type AuditEntry, type AuditTrail, createAuditTrail } from '../audit-trail.ts';
import { migrate } from '../migrate.ts';
import type { Page } from '../page.ts';
import type { ObjectPorts } from '../ports.ts';
import { DIRECTORY_MIGRATIONS } from './migrations.ts';

/** A tenant in a list. */
export interface TenantSummary {
  readonly id: TenantId;
  readonly name: string;
  readonly status: TenantStatus;
  readonly createdAtMs: number;
}

/** An admin token without its secret. The secret is stored nowhere. */
export interface AdminTokenRecord {
  readonly id: AdminTokenId;
  /** The name under which the token's holder appears in the audit trail. */
  readonly name: string;
  readonly access: AdminAccess;
  readonly createdAtMs: number;
  readonly expiresAtMs: number | null;
}

type TokenRow = { id: string; name: string; access: string; created_at_ms: number; expires_at_ms: number | null };

const toToken = (row: TokenRow): AdminTokenRecord => ({
  id: row.id as AdminTokenId,
  name: row.name,
  access: row.access === 'full' ? 'full' : 'read',
  createdAtMs: row.created_at_ms,
  expiresAtMs: row.expires_at_ms,
});

type Row = { id: string; name: string; status: string; created_at_ms: number };

/**
 * The only object that belongs to no single tenant. Holds the list of tenants and the admin tokens. A call needs this object
 * only if its tenant's object is empty.
 */
export class Directory extends DurableObject {
  readonly #now: () => number;
  readonly #sql: SqlStorage;
  readonly #audit: AuditTrail;

  constructor(ctx: DurableObjectState, env: unknown, { now }: ObjectPorts) {
    super(ctx, env as never);
    this.#now = now;
    this.#sql = ctx.storage.sql;
    migrate(ctx.storage, DIRECTORY_MIGRATIONS, now);
    this.#audit = createAuditTrail(this.#sql, now);
  }

  /**
   * The first step of creating a tenant. The list does not show the tenant until `record` has been called.
   *
   * @returns false if the audit trail has no room for an entry.
   */
  reserve(id: TenantId, name: string, actor: Actor): boolean {
    if (!this.#audit.hasRoom(actor, 'tenant.create')) return false;
    this.#sql.exec(
      "INSERT OR IGNORE INTO tenant (id, name, status, ready, created_at_ms) VALUES (?, ?, 'active', 0, ?)",
      id,
      name,
      this.#now(),
    );
    return true;
  }

  /** Records the current state of a tenant. This is the last step of creating or changing a tenant. Safe to repeat. */
  record({ id, name, status, createdAtMs }: TenantSummary, actor: Actor): void {
    this.ctx.storage.transactionSync(() => {
      const [row] = this.#sql.exec<{ ready: number }>('SELECT ready FROM tenant WHERE id = ?', id).toArray();
      this.#sql.exec(
        `INSERT INTO tenant (id, name, status, ready, created_at_ms) VALUES (?1, ?2, ?3, 1, ?4)
         ON CONFLICT (id) DO UPDATE SET name = ?2, status = ?3, ready = 1, created_at_ms = ?4`,
        id,
        name,
        status,
        createdAtMs,
      );
      if (row?.ready !== 1) this.#audit.add(actor, 'tenant.create', { tenant: { id, name } });
    });
  }

  /** Removes a tenant from the list. Returns false if the tenant was not on the list. */
  forget(id: TenantId, actor: Actor): boolean {
    return this.ctx.storage.transactionSync(() => {
      const [row] = this.#sql.exec<{ name: string }>('SELECT name FROM tenant WHERE id = ?', id).toArray();
      if (!row) return false;
      this.#sql.exec('DELETE FROM tenant WHERE id = ?', id);
      this.#audit.add(actor, 'tenant.delete', { tenant: { id, name: row.name } });
      return true;
    });
  }

  /** The name of a tenant. Null if the tenant is not on the list. */
  nameOf(id: string): string | null {
    const [row] = this.#sql.exec<{ name: string }>('SELECT name FROM tenant WHERE id = ? AND ready = 1', id).toArray();
    return row?.name ?? null;
  }

  /** One page of tenants, oldest first. `after` is the `next` of the previous page (`<created>.<id>`) or `''`. */
  list(after: string, limit: number): Page<TenantSummary> {
    const [createdAfter = '0', idAfter = ''] = after.split('.');
    const rows = this.#sql
      .exec<Row>(
        'SELECT * FROM tenant WHERE ready = 1 AND (created_at_ms, id) > (?, ?) ORDER BY created_at_ms, id LIMIT ?',
        Number(createdAfter),
        idAfter,
        limit + 1,
      )
      .toArray();
    const items = rows.slice(0, limit).map((row) => ({
      id: row.id as TenantId,
      name: row.name,
      status: row.status as TenantStatus,
      createdAtMs: row.created_at_ms,
    }));
    const last = items.at(-1);
    return { items, next: rows.length > limit && last ? `${last.createdAtMs}.${last.id}` : null };
  }

  /** Adds an admin token, or returns it if it exists. Names are never reused, because the audit trail shows names. */
  addToken(
    token: Omit<AdminTokenRecord, 'createdAtMs'>,
    actor: Actor,
  ): AdminTokenRecord | 'name-taken' | 'too-many' | 'trail-full' {
    return this.ctx.storage.transactionSync(() => {
      const { id, name, access, expiresAtMs } = token;
      const rows = this.#sql.exec<TokenRow>('SELECT * FROM admin_token').toArray();
      const added = rows.find((row) => row.id === id);
      if (added) return toToken(added);
      if (!this.#audit.hasRoom(actor, 'admin-token.create')) return 'trail-full';
      const used = 'SELECT name FROM admin_token_name WHERE name = lower(?)';
      if (this.#sql.exec(used, name).toArray().length > 0) return 'name-taken';
      if (rows.length >= MAX_ADMIN_TOKENS) return 'too-many';
      this.#sql.exec('INSERT INTO admin_token_name (name) VALUES (lower(?))', name);
      const createdAtMs = this.#now();
      this.#sql.exec(
        'INSERT INTO admin_token (id, name, access, created_at_ms, expires_at_ms) VALUES (?, ?, ?, ?, ?)',
        id,
        name,
        access,
        createdAtMs,
        expiresAtMs,
      );
      this.#audit.add(actor, 'admin-token.create', { adminToken: { id, name, access } });
      return { ...token, createdAtMs };
    });
  }

  /** Finds a live admin token. Null if the token does not exist, was revoked or has expired. */
  findToken(id: AdminTokenId): AdminTokenRecord | null {
    const [row] = this.#sql.exec<TokenRow>('SELECT * FROM admin_token WHERE id = ?', id).toArray();
    return row && (row.expires_at_ms === null || row.expires_at_ms > this.#now()) ? toToken(row) : null;
  }

  /** All admin tokens, live or expired, sorted by name. */
  listTokens(): readonly AdminTokenRecord[] {
    return this.#sql.exec<TokenRow>('SELECT * FROM admin_token ORDER BY name').toArray().map(toToken);
  }

  /** Revokes an admin token. Returns false if the token does not exist. */
  revokeToken(id: string, actor: Actor): boolean {
    return this.ctx.storage.transactionSync(() => {
      const [row] = this.#sql.exec<TokenRow>('SELECT * FROM admin_token WHERE id = ?', id).toArray();
      if (!row) return false;
      this.#sql.exec('DELETE FROM admin_token WHERE id = ?', id);
      const { name, access } = toToken(row);
      this.#audit.add(actor, 'admin-token.revoke', { adminToken: { id, name, access } });
      return true;
    });
  }

  /** The gateway's id. The first call sets the id to `offered`. After that, the id never changes. */
  gatewayId(offered: GatewayId): GatewayId {
    const read = () => this.#sql.exec<{ id: string }>('SELECT id FROM gateway').toArray()[0];
    if (!read()) this.#sql.exec('INSERT INTO gateway (only, id, created_at_ms) VALUES (1, ?, ?)', offered, this.#now());
    return (read()?.id ?? offered) as GatewayId;
  }

  /** One page of the gateway's audit trail, newest first: changes to admin tokens, and tenants created and deleted. */
  audit(after: string, limit: number): Page<AuditEntry> {
    return this.#audit.list(after, limit);
  }
}
