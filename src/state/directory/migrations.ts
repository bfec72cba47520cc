import type { Migration } from '../migration.ts';

/**
 * The steps that create and update the database of the directory. Tables are defined nowhere else. Never change a step that
 * has landed, even if the change seems harmless: a database that already ran the step does not run the changed step.
 * `test/state/migrations.test.ts` holds the hash of each step.
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
  // Every name that an admin token ever had, in lower case. A name in the trail still identifies its token after revocation.
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
