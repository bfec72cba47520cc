import { runInDurableObject } from 'cloudflare:test';
import { env } from 'cloudflare:workers';
import { describe, expect, it } from 'vitest';

type Tables = Readonly<Record<string, readonly string[]>>;

/** The tables and columns that an object has once it is open. */
const tablesOf = (stub: DurableObjectStub): Promise<Tables> =>
  runInDurableObject(stub, (_, { storage: { sql } }) => {
    const names = (query: string, ...values: string[]) => [...sql.exec<{ name: string }>(query, ...values)];
    const tables = names("SELECT name FROM sqlite_master WHERE type = 'table' AND name GLOB '[a-z]*'");
    return Object.fromEntries(
      tables
        .filter(({ name }) => !name.startsWith('sqlite_'))
        .map(({ name }) => [name, names('SELECT name FROM pragma_table_info(?)', name).map((column) => column.name)]),
    );
  });

/** The tables and columns that one chapter of the page lists. */
const tablesIn = (chapter: string): Tables =>
  Object.fromEntries(
    chapter
      .split('\n### ')
      .slice(1)
      .map((text) => [
        /^`(\w+)`/.exec(text)?.[1] ?? text,
        [...text.matchAll(/^\| `(\w+)` \|/gm)].map(([, name = '']) => name),
      ]),
  );

describe('src/state/README.md', () => {
  const pages = import.meta.glob<string>('../../src/state/README.md', {
    query: '?raw',
    import: 'default',
    eager: true,
  });
  const page = Object.values(pages).join();
  const [, tenant = '', directory = ''] = page.split('\n## ');

  it('lists every table and column of a tenant', async () => {
    expect(tablesIn(tenant)).toEqual(await tablesOf(env.TENANT.getByName('readme')));
  });

  it('lists every table and column of the directory', async () => {
    expect(tablesIn(directory)).toEqual(await tablesOf(env.DIRECTORY.getByName('readme')));
  });
});
