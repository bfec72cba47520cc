import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { describe, expect, it } from 'vitest';
import { describeApi } from '../src/admin/openapi.ts';
import { fileJsonSchema } from '../src/cli/declare/file.ts';
import { REFUSALS } from '../src/core/refusal.ts';
import { SETTING_NAMES } from '../src/core/settings.ts';
import { anchorsOf, linksOf, pages, shellBlocksNotRun } from './support/handbook.ts';

const ROOT = resolve(import.meta.dirname, '..');
const read = (path: string) => readFileSync(join(ROOT, path), 'utf8');

/** All prose of the repository that links. */
const DOCUMENTS = ['README.md', 'CHANGELOG.md', '.github', 'src', 'test']
  .flatMap((path) =>
    path.endsWith('.md')
      ? [path]
      : existsSync(join(ROOT, path))
        ? readdirSync(join(ROOT, path), { recursive: true, encoding: 'utf8' }).map((name) => join(path, name))
        : [],
  )
  .filter((path) => path.endsWith('.md') && !path.includes('test/vectors/') && existsSync(join(ROOT, path)));

const handbook = pages(ROOT);
const handbookText = handbook.map(({ text }) => text).join('\n');

describe('README.md', () => {
  it('has at most 1,500 words', () => {
    expect(read('README.md').split(/\s+/).length).toBeLessThanOrEqual(1_500);
  });
});

describe('the documents', () => {
  it.each(DOCUMENTS)('%s links to what is there', (path) => {
    const broken = linksOf(read(path)).filter((link) => {
      if (/^(https?|mailto):/.test(link)) return false;
      const [file = '', anchor] = link.split('#');
      const target = file === '' ? path : relative(ROOT, resolve(ROOT, dirname(path), file));
      if (!existsSync(join(ROOT, target))) return true;
      return anchor !== undefined && !(target.endsWith('.md') && anchorsOf(read(target)).includes(anchor));
    });
    expect(broken).toEqual([]);
  });
});

/** Words of the authors that native readers have to read twice (STYLE: write as an engineer speaks). */
const AVOIDED =
  /\b(stands?|stood|standing|mend(s|ed|ing)?|wanting|whoever|the like|(is|are|was|were|be|been|being) told)\b/gi;
const SOURCES = readdirSync(join(ROOT, 'src'), { recursive: true, encoding: 'utf8' })
  .filter((name) => /\.(ts|js|json|capnp)$/.test(name))
  .map((name) => join('src', name));

describe('the words', () => {
  it.each([...DOCUMENTS, ...SOURCES])('of %s are common ones', (path) => {
    expect([...read(path).matchAll(AVOIDED)].map(([word]) => word)).toEqual([]);
  });

  it('to avoid are found in a sentence, and not within others', () => {
    const found = (text: string) => [...text.matchAll(AVOIDED)].map(([word]) => word);
    expect(found('It stands. Whoever mends it is told.')).toEqual(['stands', 'Whoever', 'mends', 'is told']);
    expect(found('standard, understands, amend, recommended, outstanding, standings')).toEqual([]);
  });
});

describe('the handbook', () => {
  it('has a section for each reason to refuse a call, and for no other', () => {
    const sections = [...read('src/docs/calling/errors.md').matchAll(/^### (.+)$/gm)].map(([, name]) => name);
    expect(sections.toSorted()).toEqual(Object.keys(REFUSALS).toSorted());
  });

  it('names each setting', () => {
    const page = read('src/docs/settings.md');
    expect(SETTING_NAMES.filter((name) => !page.includes(`\`${name}\``))).toEqual([]);
  });

  const pageOfApi = read('src/docs/admin-api.md');
  const document = describeApi() as {
    readonly paths: Readonly<Record<string, Readonly<Record<string, object>>>>;
    readonly components: { readonly schemas: Readonly<Record<string, object>> };
  };
  /** The words in code spans outside of blocks: what a page names, and not what it happens to say. */
  const namesIn = (text: string) =>
    new Set(
      [...text.replaceAll(/^```[\s\S]*?^```/gm, '').matchAll(/`([^`\n]+)`/g)].flatMap(([, code = '']) =>
        code.split(/\W+/),
      ),
    );
  /** The names of all fields of a schema, and of those inside it that it does not only refer to. */
  const fieldsOf = (schema: unknown): string[] => {
    if (typeof schema !== 'object' || schema === null) return [];
    return Object.entries(schema).flatMap(([key, value]) => [
      ...(key === 'properties' ? Object.keys(value) : []),
      ...(['examples', 'default'].includes(key) ? [] : fieldsOf(value)),
    ]);
  };

  it('has every operation of the admin API', () => {
    const operations = Object.entries(document.paths).flatMap(([path, methods]) =>
      Object.keys(methods).map((method) => `${method.toUpperCase()} ${path}`),
    );
    expect(operations.length).toBeGreaterThan(15);
    expect(operations.filter((operation) => !pageOfApi.includes(`\`${operation}\``))).toEqual([]);
  });

  it.each(Object.entries({ ...document.components.schemas, 'postern.yaml': fileJsonSchema() }))(
    'names each field of %s',
    (_, schema) => {
      const fields = fieldsOf(schema);
      expect(fields.length).toBeGreaterThan(0);
      const named = namesIn(handbookText);
      expect(fields.filter((name) => !named.has(name))).toEqual([]);
    },
  );

  it('names each parameter of a query', () => {
    const parameters = Object.values(document.paths)
      .flatMap((methods) => Object.values(methods) as { parameters: { in: string; name: string }[] }[])
      .flatMap(({ parameters }) => parameters.filter((one) => one.in === 'query').map(({ name }) => name));
    expect(parameters.length).toBeGreaterThan(5);
    expect(parameters.filter((name) => !namesIn(pageOfApi).has(name))).toEqual([]);
  });

  /** The names that a piece of source gives to fields: `name:`, `readonly name?:` or `name,` at the start of its lines. */
  const fieldsIn = (path: string, begin: string, end: string) => {
    const [, source = ''] = read(path).split(begin);
    const [piece = ''] = source.split(end);
    return [...piece.matchAll(/^\s*(?:readonly )?(?:\.\.\.\(\w+ && \{ )?(\w+)(?=\??[:,])/gm)].map(
      ([, name = '']) => name,
    );
  };

  it.each([
    ['a call', 'src/gateway/call-record.ts', 'export interface CallRecord {', '\n}', ['at', 'billed', 'durationMs']],
    ['an admin request', 'src/admin/request-log.ts', 'writeLog({', '\n    });', ['level', 'actor', 'status', 'route']],
  ])('names each field of the log line of %s', (_, path, begin, end, some) => {
    const fields = fieldsIn(path, begin, end);
    expect(fields).toEqual(expect.arrayContaining(some));
    const named = namesIn(read('src/docs/logs.md'));
    expect(fields.filter((name) => !named.has(name))).toEqual([]);
  });

  it('marks at most 20 shell blocks as ones that are not run', () => {
    expect(shellBlocksNotRun(handbook).length).toBeLessThanOrEqual(20);
  });

  it('is reached from its first page', () => {
    const unreached = handbook.map(({ path }) => path).filter((path) => path.startsWith('src/docs/'));
    const reached = new Set(['src/docs/README.md']);
    for (const path of reached) {
      for (const link of linksOf(read(path))) {
        const [file = ''] = link.split('#');
        const target = relative(ROOT, resolve(ROOT, dirname(path), file));
        if (file.endsWith('.md') && target.startsWith('src/docs/')) reached.add(target);
      }
    }
    expect(unreached.filter((path) => !reached.has(path))).toEqual([]);
  });
});
