import { DurableObject } from 'cloudflare:workers';
import type { TenantId } from '../core/tenancy/ids.ts';
import type { TenantStatus } from '../core/tenancy/tenant.ts';
import { type Migration, migrate } from './migrate.ts';
import type { Page } from './tenant.ts';

const MIGRATIONS: readonly Migration[] = [
  `CREATE TABLE tenant (
     id TEXT PRIMARY KEY,
     name TEXT NOT NULL,
     status TEXT NOT NULL,
     ready INTEGER NOT NULL,
     created_at_ms INTEGER NOT NULL
   ) WITHOUT ROWID;
   CREATE INDEX tenant_by_age ON tenant (created_at_ms, id);`,
];

/** A tenant in a list. */
export interface TenantSummary {
  readonly id: TenantId;
  readonly name: string;
  readonly status: TenantStatus;
  readonly createdAtMs: number;
}

type Row = { id: string; name: string; status: string; created_at_ms: number };

/** The one object that keeps what is not one tenant's: so far, the list of them. No call touches it. */
export class Directory extends DurableObject {
  readonly #sql: SqlStorage;

  constructor(ctx: DurableObjectState, env: unknown) {
    super(ctx, env as never);
    this.#sql = ctx.storage.sql;
    migrate(ctx.storage, MIGRATIONS);
  }

  /** The first step of making a tenant; it is not listed before `record` says that it is there. */
  reserve(id: TenantId, name: string): void {
    this.#sql.exec(
      "INSERT OR IGNORE INTO tenant (id, name, status, ready, created_at_ms) VALUES (?, ?, 'active', 0, ?)",
      id,
      name,
      Date.now(),
    );
  }

  /** Records how a tenant stands now: the last step of making one, and of each change. May be repeated. */
  record({ id, name, status, createdAtMs }: TenantSummary): void {
    this.#sql.exec(
      `INSERT INTO tenant (id, name, status, ready, created_at_ms) VALUES (?1, ?2, ?3, 1, ?4)
       ON CONFLICT (id) DO UPDATE SET name = ?2, status = ?3, ready = 1, created_at_ms = ?4`,
      id,
      name,
      status,
      createdAtMs,
    );
  }

  /** Takes a tenant off the list; false when it was not on it. */
  forget(id: TenantId): boolean {
    return this.#sql.exec('DELETE FROM tenant WHERE id = ?', id).rowsWritten > 0;
  }

  /** The tenants, oldest first, from behind the place that a page ended at (`<created>.<id>`). */
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
}
