import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { describe, expect, it } from 'vitest';
import * as z from 'zod';
import { REFUSALS } from '../src/core/refusal.ts';
import { SETTING_NAMES } from '../src/core/settings.ts';
import { TenantDocumentSchema } from '../src/document/tenant.ts';
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

describe('the handbook', () => {
  it('has a section for each reason to refuse a call, and for no other', () => {
    const sections = [...read('src/docs/calling/errors.md').matchAll(/^### (.+)$/gm)].map(([, name]) => name);
    expect(sections.toSorted()).toEqual(Object.keys(REFUSALS).toSorted());
  });

  it('names each setting', () => {
    const page = read('src/docs/settings.md');
    expect(SETTING_NAMES.filter((name) => !page.includes(`\`${name}\``))).toEqual([]);
  });

  it('names each field of a tenant', () => {
    const fields = new Set<string>();
    const collect = (schema: unknown): void => {
      if (typeof schema !== 'object' || schema === null) return;
      for (const [key, value] of Object.entries(schema)) {
        if (key === 'properties') for (const name of Object.keys(value)) fields.add(name);
        collect(value);
      }
    };
    collect(z.toJSONSchema(TenantDocumentSchema, { io: 'input' }));
    expect(fields.size).toBeGreaterThan(30);
    expect([...fields].filter((name) => !new RegExp(`\\b${name}\\b`).test(handbookText))).toEqual([]);
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
