import type { Migration } from '../migration.ts';

/**
 * The steps that made the database of the directory: the only place that says what tables there are. Never change a step that has
 * landed, not even in a way that looks the same: databases that already took it would stay as they are.
 * `test/state/migrations.test.ts` holds the hash of each.
 */
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
  `CREATE TABLE gateway (
     only INTEGER PRIMARY KEY CHECK (only = 1),
     id TEXT NOT NULL,
     created_at_ms INTEGER NOT NULL
   );`,
];
