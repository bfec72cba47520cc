import type { Migration } from '../migration.ts';
import { SEPARATE_RESPONSE_STREAMS } from './separate-response-streams.ts';

/**
 * The steps that create and update the database of a tenant. Tables are defined nowhere else. Never change a step that has
 * landed, even if the change seems harmless: a database that already ran the step does not run the changed step.
 * `test/state/migrations.test.ts` holds the hash of each step.
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
  // From fea900d to 338fc9d, this step gave `holder` a third column, `seen_at_ms INTEGER NOT NULL`. A later step drops it.
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
  // Gives `holder` the same columns in every database, with or without `seen_at_ms` before. Keeps all current leases.
  `CREATE TABLE holder_of_today (id TEXT PRIMARY KEY, state TEXT NOT NULL) WITHOUT ROWID;
   INSERT INTO holder_of_today (id, state) SELECT id, state FROM holder;
   DROP TABLE holder;
   ALTER TABLE holder_of_today RENAME TO holder;`,
  `ALTER TABLE audit ADD COLUMN actor_id TEXT;
   ALTER TABLE key ADD COLUMN successor TEXT;`,
  SEPARATE_RESPONSE_STREAMS,
];
