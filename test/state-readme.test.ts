import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { describe, expect, it } from 'vitest';
import { DIRECTORY_MIGRATIONS } from '../src/state/directory/migrations.ts';
import { TENANT_MIGRATIONS } from '../src/state/tenant/migrations.ts';

/** The tables and columns that some steps make, beside the one that `migrate` makes itself. */
function tablesOf(steps: readonly string[]): Record<string, string[]> {
  const database = new DatabaseSync(':memory:');
  for (const step of steps) database.exec(step);
  const tables = database.prepare("SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'");
  const columns = database.prepare('SELECT name FROM pragma_table_info(?)');
  const made = tables.all().map(({ name }) => [String(name), columns.all(String(name)).map((row) => String(row.name))]);
  return { ...Object.fromEntries(made), migration: ['step', 'at_ms'] };
}

/** The tables and columns that one chapter of the page lists. */
function tablesIn(chapter: string): Record<string, string[]> {
  const tables = chapter.split('\n### ').slice(1);
  return Object.fromEntries(
    tables.map((text) => [/^`(\w+)`/.exec(text)?.[1], [...text.matchAll(/^\| `(\w+)` \|/gm)].map(([, name]) => name)]),
  );
}

describe('src/state/README.md', () => {
  const page = readFileSync(resolve(import.meta.dirname, '../src/state/README.md'), 'utf8');
  const [, tenant = '', directory = ''] = page.split('\n## ');

  it.each([
    ["the tenant's object", tenant, TENANT_MIGRATIONS],
    ['the directory', directory, DIRECTORY_MIGRATIONS],
  ])('lists every table and column of %s', (_, chapter, steps) => {
    expect(tablesIn(chapter)).toEqual(tablesOf(steps));
  });
});
