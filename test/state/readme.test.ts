import { runInDurableObject } from 'cloudflare:test';
import { env } from 'cloudflare:workers';
import { describe, expect, it } from 'vitest';
import { OBJECT_CLASSES } from '../../src/state/bindings.ts';

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
  const chapters = page.split('\n## ').slice(1);
  const bindings = Object.keys(OBJECT_CLASSES) as (keyof typeof OBJECT_CLASSES)[];

  it.each(bindings.map((binding, index) => [binding, chapters[index] ?? ''] as const))(
    'lists every table and column of %s',
    async (binding, chapter) => {
      expect(tablesIn(chapter)).toEqual(await tablesOf(env[binding].getByName('readme')));
    },
  );

  it('has a chapter for each class, and no other', () => {
    expect(chapters.length).toBe(bindings.length);
  });
});
