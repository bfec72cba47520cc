import type { AdminAccess } from '../core/tenancy/admin-tokens.ts';
import type { Change } from '../core/tenancy/changes.ts';
import type { Page } from './tenant.ts';

/** Entries that are kept, the newest. */
const MAX_ENTRIES = 10_000;

export type AuditAction =
  | 'tenant.create'
  | 'tenant.change'
  | 'tenant.delete'
  | 'key.create'
  | 'key.rotate'
  | 'key.revoke'
  | 'admin-token.create'
  | 'admin-token.revoke';

/** What was done, beyond the action's name. It never holds a secret: there is none in what is stored. */
export interface AuditDetail {
  /** Of a tenant: what changed. */
  readonly changes?: readonly Change[];
  /** Of a key: which, and what was said of it. */
  readonly key?: { readonly id: string; readonly name: string; readonly expiresAtMs?: number | null };
  /** Of an admin token: which, and what it may do. */
  readonly adminToken?: { readonly id: string; readonly name: string; readonly access: AdminAccess };
  /** Of a rotation: the key that takes its place. */
  readonly successor?: string;
}

/** One change of an operator's. */
export interface AuditEntry {
  readonly id: number;
  readonly atMs: number;
  /** The name of the admin token that it was done with. */
  readonly actor: string;
  readonly action: AuditAction;
  /** JSON of an `AuditDetail`. */
  readonly detail: string;
}

type Row = { id: number; at_ms: number; actor: string; action: string; detail: string };

/** What was done, by whom and when. Written in the transaction of the change itself. */
export interface AuditTrail {
  add(actor: string, action: AuditAction, detail: AuditDetail): void;
  /** The newest first, from behind `after`. */
  list(after: string, limit: number): Page<AuditEntry>;
}

export function createAuditTrail(sql: SqlStorage): AuditTrail {
  return {
    add(actor, action, detail) {
      sql.exec(
        'INSERT INTO audit (at_ms, actor, action, detail) VALUES (?, ?, ?, ?)',
        Date.now(),
        actor,
        action,
        JSON.stringify(detail),
      );
      sql.exec('DELETE FROM audit WHERE id <= (SELECT max(id) FROM audit) - ?', MAX_ENTRIES);
    },
    list(after, limit) {
      const before = after === '' ? Number.MAX_SAFE_INTEGER : Number(after);
      const rows = sql
        .exec<Row>('SELECT * FROM audit WHERE id < ? ORDER BY id DESC LIMIT ?', before, limit + 1)
        .toArray();
      const items = rows.slice(0, limit).map(({ id, at_ms, actor, action, detail }) => ({
        id,
        atMs: at_ms,
        actor,
        action: action as AuditAction,
        detail,
      }));
      return { items, next: rows.length > limit ? String(items.at(-1)?.id) : null };
    },
  };
}
