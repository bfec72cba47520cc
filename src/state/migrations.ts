import type { Migration } from './migrate.ts';
import { SEPARATE_RESPONSE_STREAMS } from './separate-response-streams.ts';

/**
 * The steps that made an object's database: the only place that says what tables there are. Never change a step that has
 * landed, not even in a way that looks the same: databases that already took it would stay as they are.
 * `test/state/migrations.test.ts` holds the hash of each.
 */
export const TENANT_MIGRATIONS: readonly Migration[] = [
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
  // From fea900d to 338fc9d this step gave `holder` a third column, `seen_at_ms INTEGER NOT NULL`: see the last one.
  `ALTER TABLE tenant ADD COLUMN revision INTEGER NOT NULL DEFAULT 1;
   CREATE TABLE ledger (only INTEGER PRIMARY KEY CHECK (only = 1), state TEXT NOT NULL);
   CREATE TABLE holder (id TEXT PRIMARY KEY, state TEXT NOT NULL) WITHOUT ROWID;
   CREATE TABLE use (
     step TEXT NOT NULL,
     at_ms INTEGER NOT NULL,
     function TEXT NOT NULL,
     use TEXT NOT NULL,
     PRIMARY KEY (step, at_ms, function)
   ) WITHOUT ROWID;
   CREATE TABLE rolled_up (step TEXT PRIMARY KEY, until_ms INTEGER NOT NULL) WITHOUT ROWID;`,
  `ALTER TABLE key ADD COLUMN last_used_at_ms INTEGER;
   CREATE TABLE audit (
     id INTEGER PRIMARY KEY AUTOINCREMENT,
     at_ms INTEGER NOT NULL,
     actor TEXT NOT NULL,
     action TEXT NOT NULL,
     detail TEXT NOT NULL
   );`,
  // Brings both histories of `holder` together, and keeps what is still leased.
  `CREATE TABLE holder_of_today (id TEXT PRIMARY KEY, state TEXT NOT NULL) WITHOUT ROWID;
   INSERT INTO holder_of_today (id, state) SELECT id, state FROM holder;
   DROP TABLE holder;
   ALTER TABLE holder_of_today RENAME TO holder;`,
  `ALTER TABLE audit ADD COLUMN actor_id TEXT;
   ALTER TABLE key ADD COLUMN successor TEXT;`,
  SEPARATE_RESPONSE_STREAMS,
];

/** The same for the directory. */
export const DIRECTORY_MIGRATIONS: readonly Migration[] = [
  `CREATE TABLE tenant (
     id TEXT PRIMARY KEY,
     name TEXT NOT NULL,
     status TEXT NOT NULL,
     ready INTEGER NOT NULL,
     created_at_ms INTEGER NOT NULL
   ) WITHOUT ROWID;
   CREATE INDEX tenant_by_age ON tenant (created_at_ms, id);`,
  `CREATE TABLE admin_token (
     id TEXT PRIMARY KEY,
     name TEXT NOT NULL UNIQUE,
     access TEXT NOT NULL,
     created_at_ms INTEGER NOT NULL,
     expires_at_ms INTEGER
   ) WITHOUT ROWID;
   CREATE TABLE audit (
     id INTEGER PRIMARY KEY AUTOINCREMENT,
     at_ms INTEGER NOT NULL,
     actor TEXT NOT NULL,
     action TEXT NOT NULL,
     detail TEXT NOT NULL
   );`,
  // Names of admin tokens that were ever used, in lower case: the trail of a revoked one goes on to say who that was.
  `ALTER TABLE audit ADD COLUMN actor_id TEXT;
   CREATE TABLE admin_token_name (name TEXT PRIMARY KEY) WITHOUT ROWID;
   INSERT OR IGNORE INTO admin_token_name SELECT lower(name) FROM admin_token;
   INSERT OR IGNORE INTO admin_token_name SELECT lower(json_extract(detail, '$.adminToken.name')) FROM audit
     WHERE json_extract(detail, '$.adminToken.name') IS NOT NULL;`,
];
