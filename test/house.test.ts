import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { describe, expect, it } from 'vitest';

const SRC = resolve(import.meta.dirname, '../src');

/** What each room may import besides itself; `*` for packages and platform modules. */
const MAY_IMPORT: Readonly<Record<string, readonly string[]>> = {
  core: [],
  document: ['core', 'edge', '*'],
  edge: ['core', '*'],
  tenants: ['core', 'edge', '*'],
  gateway: ['core', 'edge', 'tenants', 'upstream', '*'],
  upstream: ['core', 'edge', '*'],
  state: ['core', 'document', 'edge', '*'],
  admin: ['core', 'document', 'edge', 'gateway', 'state', '*'],
  // Of `admin` its schemas only, of `upstream` how a call is signed: what they say has one source. See below.
  cli: ['core', 'document', 'edge', 'emulator', 'admin', 'upstream', '*'],
  emulator: ['*'],
  'worker.ts': ['core', 'edge', 'tenants', 'gateway', 'upstream', 'state', 'admin', '*'],
};

const files = readdirSync(SRC, { recursive: true, encoding: 'utf8' }).filter((name) => /\.tsx?$/.test(name));
const roomOf = (name: string) => name.split('/')[0] ?? name;
const IMPORT =
  /(?:^|\n)\s*(?:import|export)\s[^'"]*?from\s+['"]([^'"]+)['"]|import\(\s*['"]([^'"]+)['"]|(?:^|\n)\s*import\s+['"]([^'"]+)['"]/g;

/** Every import of a file, as a room (`core`), a file at the top (`worker.ts`), or `*` for what is not ours. */
const importsOf = (name: string): { specifier: string; room: string }[] =>
  [...readFileSync(join(SRC, name), 'utf8').matchAll(IMPORT)].map((match) => {
    const specifier = match[1] ?? match[2] ?? match[3] ?? '';
    if (!specifier.startsWith('.')) return { specifier, room: '*' };
    return { specifier, room: roomOf(relative(SRC, resolve(SRC, dirname(name), specifier))) };
  });

describe('the house', () => {
  it('has only rooms whose imports are ruled', () => {
    const rooms = new Set(files.map(roomOf).filter((room) => !room.endsWith('.d.ts')));
    expect([...rooms].filter((room) => !(room in MAY_IMPORT))).toEqual([]);
  });

  it('sees imports', () => {
    expect(importsOf('gateway/invoke.ts').map(({ room }) => room)).toContain('core');
    expect(importsOf('worker.ts').length).toBeGreaterThan(5);
  });

  it('shares with cli only what runs anywhere: the schemas of admin, and how upstream signs', () => {
    const shared = files
      .filter((name) => roomOf(name) === 'cli')
      .flatMap(importsOf)
      .filter(({ room }) => room === 'admin' || room === 'upstream')
      .map(({ specifier }) => specifier.replace(/^(\.\.\/)+/, ''));
    const allowed = [
      'admin/check-range.ts',
      'admin/problem.ts',
      'admin/schema.ts',
      'upstream/endpoint.ts',
      'upstream/sign.ts',
    ];
    expect([...new Set(shared)].filter((name) => !allowed.includes(name))).toEqual([]);
  });

  for (const [room, allowed] of Object.entries(MAY_IMPORT)) {
    it(`lets ${room} import ${allowed.length > 0 ? allowed.join(', ') : 'nothing'} besides itself`, () => {
      const broken = files
        .filter((name) => roomOf(name) === room)
        .flatMap((name) => importsOf(name).map((imported) => ({ name, ...imported })))
        .filter((imported) => imported.room !== room && !allowed.includes(imported.room))
        .map(({ name, specifier }) => `${name} imports ${specifier}`);
      expect(broken).toEqual([]);
    });
  }
});
