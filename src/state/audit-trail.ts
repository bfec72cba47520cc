import type { Actor } from '../core/identity/actor.ts';
import type { AdminAccess } from '../core/identity/admin-tokens.ts';
import { findChanges } from '../document/changes.ts';
import { escapePointer } from '../document/field-faults.ts';
import { toJson } from '../document/json.ts';
import type { Page } from './page.ts';

/** An entry is kept for at least 90 days. After that, the entry is dropped once there are 10,000 newer entries. */
const KEPT_MS = 90 * 24 * 3_600_000;
const KEPT_ENTRIES = 10_000;
/**
 * Changes are refused while the trail is full, because entries younger than 90 days are never dropped. So nobody can push
 * out their own entries, or fill the disk. Even then, the root token may make any change. Every full-access token may still
 * revoke keys and admin tokens, delete or suspend a tenant, and drop a tenant's allow rules.
 */
export const MAX_ENTRIES = 100_000;
const MAX_DATABASE_BYTES = 1024 ** 3;
/** Changes that only remove something. Each removal needs an earlier addition, so the number of removals is bounded too. */
const TAKES_AWAY: ReadonlySet<AuditAction> = new Set(['key.revoke', 'admin-token.revoke', 'tenant.delete']);

export type AuditAction =
  | 'tenant.create'
  | 'tenant.change'
  | 'tenant.delete'
  | 'key.create'
  | 'key.rotate'
  | 'key.revoke'
  | 'admin-token.create'
  | 'admin-token.revoke';

/** One changed field: JSON pointer, old value, new value. An added field has no old value, a removed field no new value. */
export interface Change {
  readonly pointer: string;
  readonly from?: unknown;
  readonly to?: unknown;
}

/** The differences between two documents, sorted by pointer. A list counts as one field. */
export const changesOf = (from: object, to: object): Change[] =>
  findChanges(toJson(from), toJson(to), 'whole')
    .map(({ path, ...values }) => ({
      pointer: path.map((part) => `/${escapePointer(String(part))}`).join(''),
      ...values,
    }))
    .sort((a, b) => (a.pointer < b.pointer ? -1 : 1));

/** Details of an action. The details never contain a secret, because no secret is stored. */
export interface AuditDetail {
  /** The fields of the tenant that changed. */
  readonly changes?: readonly Change[];
  /** The key that was created, rotated or revoked. */
  readonly key?: { readonly id: string; readonly name: string; readonly expiresAtMs?: number | null };
  /** The admin token that was created or revoked. */
  readonly adminToken?: { readonly id: string; readonly name: string; readonly access: AdminAccess };
  /** The tenant that was created or deleted. Only in the gateway's trail. */
  readonly tenant?: { readonly id: string; readonly name: string };
  /** The id of the key that replaces the rotated key. */
  readonly successor?: string;
}

/** One change that an operator made. */
export interface AuditEntry {
  readonly id: number;
  readonly atMs: number;
  /** The name of the admin token used. */
  readonly actor: string;
  /** The id of the admin token used. Null for the root token, and in entries older than this field. */
  readonly actorId: string | null;
  readonly action: AuditAction;
  /** JSON of an `AuditDetail`. */
  readonly detail: string;
}

type Row = { id: number; at_ms: number; actor: string; actor_id: string | null; action: string; detail: string };

/** Records who did what and when. Each entry is written in the transaction of its change. */
export interface AuditTrail {
  /**
   * True if the trail has room for one more entry. If false, refuse the change itself.
   *
   * @param takesAway True if the change only removes something. The default depends on the action.
   */
  hasRoom(actor: Actor, action: AuditAction, takesAway?: boolean): boolean;
  add(actor: Actor, action: AuditAction, detail: AuditDetail): void;
  /** One page of entries, newest first. `after` is the `next` of the previous page, or `''` for the first page. */
  list(after: string, limit: number): Page<AuditEntry>;
}

/** Ids grow by one and only the oldest entries are dropped, so the first and last id give the number of entries. */
const ENDS = 'SELECT (SELECT min(id) FROM audit) AS first, (SELECT max(id) FROM audit) AS last';

export function createAuditTrail(sql: SqlStorage, now: () => number): AuditTrail {
  return {
    hasRoom({ id }, action, takesAway = TAKES_AWAY.has(action)) {
      if (id === undefined || takesAway) return true;
      const [row] = sql.exec<{ first: number | null; last: number | null }>(ENDS).toArray();
      const entries = (row?.last ?? 0) - (row?.first ?? 1) + 1;
      return entries < MAX_ENTRIES && sql.databaseSize < MAX_DATABASE_BYTES;
    },
    add({ name, id }, action, detail) {
      const nowMs = now();
      sql.exec(
        'INSERT INTO audit (at_ms, actor, actor_id, action, detail) VALUES (?, ?, ?, ?, ?)',
        nowMs,
        name,
        id ?? null,
        action,
        JSON.stringify(detail),
      );
      sql.exec(
        'DELETE FROM audit WHERE id <= (SELECT max(id) FROM audit) - ? AND at_ms < ?',
        KEPT_ENTRIES,
        nowMs - KEPT_MS,
      );
    },
    list(after, limit) {
      const before = after === '' ? Number.MAX_SAFE_INTEGER : Number(after);
      const rows = sql
        .exec<Row>('SELECT * FROM audit WHERE id < ? ORDER BY id DESC LIMIT ?', before, limit + 1)
        .toArray();
      const items = rows.slice(0, limit).map(({ id, at_ms, actor, actor_id, action, detail }) => ({
        id,
        atMs: at_ms,
        actor,
        actorId: actor_id,
        action: action as AuditAction,
        detail,
      }));
      return { items, next: rows.length > limit ? String(items.at(-1)?.id) : null };
    },
  };
}
