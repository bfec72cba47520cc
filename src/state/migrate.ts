import type { Migration } from './migration.ts';

/**
 * Updates an object's database to the newest schema. Each step and its mark share one transaction, so a step runs
 * completely or not at all. (Durable Objects do not support `PRAGMA user_version`, so a table holds the marks.)
 */
export function migrate(storage: DurableObjectStorage, migrations: readonly Migration[], now: () => number): void {
  const { sql } = storage;
  // Check first: opening an object that is up to date must write nothing, so that the object opens on a full disk.
  const isNew = sql.exec("SELECT 1 FROM sqlite_master WHERE name = 'migration'").toArray().length === 0;
  if (isNew) sql.exec('CREATE TABLE migration (step INTEGER PRIMARY KEY, at_ms INTEGER NOT NULL)');
  const { done } = sql.exec<{ done: number }>('SELECT count(*) AS done FROM migration').one();
  for (const [index, migration] of migrations.slice(done).entries()) {
    storage.transactionSync(() => {
      sql.exec(migration);
      sql.exec('INSERT INTO migration (step, at_ms) VALUES (?, ?)', done + index, now());
    });
  }
}
