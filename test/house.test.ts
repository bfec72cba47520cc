import { existsSync, readFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { describe, expect, it } from 'vitest';
import { VERSION } from '../src/version.ts';
import { findCycles, parseSource, readSources, resolveImport } from './support/source.ts';

const MAX_FILE_LINES = 400;
const MAX_FUNCTION_LINES = 60;
const MAX_LONG_FILES = 8;
const MAX_LONG_FUNCTIONS = 12;

/** What each room may import besides itself; `*` for packages and platform modules. */
const MAY_IMPORT: Readonly<Record<string, readonly string[]>> = {
  core: [],
  document: ['core', 'edge', '*'],
  edge: ['core', '*'],
  tenants: ['core', 'edge', '*'],
  gateway: ['core', 'edge', 'tenants', 'upstream', '*'],
  upstream: ['core', 'edge', '*'],
  state: ['core', 'document', 'edge', '*'],
  operator: ['core', 'document', 'edge', 'state', 'version.ts', '*'],
  // Of `state` the records that it renders.
  admin: ['core', 'document', 'edge', 'operator', 'state', '*'],
  // Of `admin`, `state` and `upstream` some files only: see below.
  cli: ['core', 'document', 'edge', 'emulator', 'admin', 'state', 'upstream', 'version.ts', '*'],
  emulator: ['*'],
  'compose.ts': ['core', 'edge', 'tenants', 'gateway', 'upstream', 'state', '*'],
  'version.ts': [],
  'worker.ts': ['compose.ts', 'version.ts', 'core', 'edge', 'tenants', 'gateway', 'upstream', 'state', 'admin', '*'],
};

/** Rooms that serve the network. None may know another: what two of them need belongs in `edge` or further in. */
const FRONT_DOORS = ['gateway', 'admin', 'console', 'portal', 'metrics', 'issuer'];

/** Files that may be longer, and why. */
const LONG_FILES: Readonly<Record<string, string>> = {
  'core/refusal.ts': 'one table: every reason to refuse a call and its answer',
};

/** Functions that may be longer, and why. */
const LONG_FUNCTIONS: Readonly<Record<string, string>> = {
  'cli/serve/supervise.ts superviseWorkerd': 'one loop over one process, whose state stop and replace share',
  'emulator/execution/environment.ts startEnvironment': 'the life of one thread: its handlers share what runs in it',
  'gateway/stream/frame-tracker.ts createFrameTracker': 'one state machine over the bytes of a frame',
};

const SRC = resolve(import.meta.dirname, '../src');
const sources = readSources(SRC);
const roomOf = (name: string) => name.split('/')[0] ?? name;

/** Every import, as a room (`core`), a file at the top (`worker.ts`), or `*` for what is not ours. */
const imports = sources.flatMap(({ name, imports }) =>
  imports.map((specifier) => {
    const file = resolveImport(name, specifier);
    return { name, from: roomOf(name), file, to: file === undefined ? '*' : roomOf(file) };
  }),
);
const say = ({ name, file, to }: (typeof imports)[number]) => `${name} imports ${file ?? to}`;

describe('the house', () => {
  it('has only rooms whose imports are ruled', () => {
    const rooms = new Set(sources.map(({ name }) => roomOf(name)).filter((room) => !room.endsWith('.d.ts')));
    expect([...rooms].filter((room) => !(room in MAY_IMPORT))).toEqual([]);
  });

  it('sees imports of every kind', () => {
    const text =
      "import a from './a.ts'; import type { B } from './b.ts'; export * from './c.ts'; export { d } from './d.ts';" +
      "import './e.ts'; type F = import('./f.ts').F; const g = () => import('./g.ts'); // from './no.ts'";
    expect(parseSource('x.ts', text).imports).toEqual(
      ['a', 'b', 'c', 'd', 'e', 'f', 'g'].map((name) => `./${name}.ts`),
    );
  });

  for (const [room, allowed] of Object.entries(MAY_IMPORT)) {
    it(`lets ${room} import ${allowed.length > 0 ? allowed.join(', ') : 'nothing'} besides itself`, () => {
      const broken = imports.filter(({ from, to }) => from === room && to !== room && !allowed.includes(to));
      expect(broken.map(say)).toEqual([]);
    });
  }

  it('lets no front door import another', () => {
    const broken = imports.filter(
      ({ from, to }) => from !== to && FRONT_DOORS.includes(from) && FRONT_DOORS.includes(to),
    );
    expect(broken.map(say)).toEqual([]);
  });

  it('lets nothing import the CLI, the entry point, or, but for the CLI, the emulator', () => {
    const broken = imports.filter(
      ({ from, to }) =>
        from !== to &&
        (to === 'cli' ||
          to === 'worker.ts' ||
          (to === 'compose.ts' && from !== 'worker.ts') ||
          (to === 'emulator' && from !== 'cli')),
    );
    expect(broken.map(say)).toEqual([]);
  });

  it('shares with cli only what runs anywhere: operations with their schemas, the names of objects, and how a call is signed', () => {
    const allowed =
      /^(admin\/operation|admin\/\w+\/(schema|operations)|state\/bindings|upstream\/(endpoint|sign))\.ts$/;
    const broken = imports.filter(
      ({ from, file, to }) =>
        from === 'cli' && ['admin', 'state', 'upstream'].includes(to) && !allowed.test(file ?? ''),
    );
    expect(broken.map(say)).toEqual([]);
  });

  it('has admin render what operator does: of state it knows only types', () => {
    const admin = sources.filter(({ name }) => roomOf(name) === 'admin');
    const text = (name: string) => readFileSync(join(SRC, name), 'utf8');
    expect(admin.filter(({ name }) => /^import type [^;]*\/state\//m.test(text(name))).length).toBeGreaterThan(2);
    const asking = admin.filter(({ name }) => /^(import|export) (?!type )[^;]*\/state\//m.test(text(name)));
    expect(asking.map(({ name }) => name)).toEqual([]);
  });

  it('has no clock and no randomness in core, which TypeScript itself brings', () => {
    const impure = /\b(Date\.now|Math\.random|new Date\(\)|Date\(\))/;
    const found = sources.filter(
      ({ name }) => roomOf(name) === 'core' && impure.test(readFileSync(join(SRC, name), 'utf8')),
    );
    expect(found.map(({ name }) => name)).toEqual([]);
    expect(['Date.now()', 'Math.random()', 'new Date()'].filter((text) => !impure.test(text))).toEqual([]);
  });

  it('opens a lease holder only in core/quota', () => {
    const opens = sources.filter(({ name }) =>
      /\b(fieldsOf|HolderFields)\b/.test(readFileSync(join(SRC, name), 'utf8')),
    );
    expect(opens.map(({ name }) => dirname(name)).filter((folder) => folder !== 'core/quota')).toEqual([]);
    expect(opens.length).toBeGreaterThan(1);
  });

  it('has no circles of imports, types included', () => {
    const graph = new Map(sources.map(({ name }) => [name, [] as string[]]));
    for (const { name, file } of imports) if (file !== undefined && graph.has(file)) graph.get(name)?.push(file);
    expect(findCycles(graph)).toEqual([]);
  });

  it('finds a circle, and a file that imports itself', () => {
    const graph = { a: ['b'], b: ['c', 'd'], c: ['a'], d: ['e'], e: ['e'], f: ['a'] };
    expect(findCycles(new Map(Object.entries(graph)))).toEqual([['a', 'b', 'c'], ['e']]);
  });
});

describe('src/README.md', () => {
  const page = readFileSync(join(SRC, 'README.md'), 'utf8');
  const code = [...page.matchAll(/`([^`\s]+)`/g)].map(([, text = '']) => text);

  it('has each room on its map', () => {
    const onMap = new Set(code.map((text) => text.replace(/\/$/, '')));
    expect(Object.keys(MAY_IMPORT).filter((room) => !onMap.has(room))).toEqual([]);
  });

  it('names only files and folders that are there', () => {
    const paths = code.filter((text) => /^[\w.-]+\/[\w./-]+$/.test(text));
    const missing = paths.filter((path) => ![SRC, resolve(SRC, '..')].some((root) => existsSync(join(root, path))));
    expect(paths.length).toBeGreaterThan(40);
    expect(missing).toEqual([]);
  });
});

describe('the version', () => {
  it('is that of package.json and of the lockfile', () => {
    const read = (name: string) => JSON.parse(readFileSync(resolve(import.meta.dirname, '..', name), 'utf8'));
    expect([read('package.json').version, read('package-lock.json').version]).toEqual([VERSION, VERSION]);
  });
});

describe('the caps', () => {
  const long = <T extends { readonly lines: number }>(all: readonly T[], max: number) =>
    all.filter(({ lines }) => lines > max);
  const functions = sources.flatMap(({ name, functions }) =>
    functions.map((one) => ({ name: `${name} ${one.name}`, lines: one.lines })),
  );

  /** What is too long and has no reason yet, or has one and is short by now. */
  const unexplained = (found: readonly { readonly name: string }[], reasons: Readonly<Record<string, string>>) => {
    const names = found.map(({ name }) => name);
    return [
      ...names.filter((name) => !(name in reasons)),
      ...Object.keys(reasons).filter((name) => !names.includes(name)),
    ];
  };

  it(`hold files at ${MAX_FILE_LINES} lines; each longer one has a reason`, () => {
    expect(unexplained(long(sources, MAX_FILE_LINES), LONG_FILES)).toEqual([]);
    expect(Object.keys(LONG_FILES).length).toBeLessThanOrEqual(MAX_LONG_FILES);
  });

  it(`hold functions at ${MAX_FUNCTION_LINES} lines; each longer one has a reason`, () => {
    expect(unexplained(long(functions, MAX_FUNCTION_LINES), LONG_FUNCTIONS)).toEqual([]);
    expect(Object.keys(LONG_FUNCTIONS).length).toBeLessThanOrEqual(MAX_LONG_FUNCTIONS);
  });

  const body = (lines: number) => `{\n${'  work();\n'.repeat(lines - 2)}}`;
  it.each([
    ['a function', (block: string) => `export function planted(a: number): void ${block}`, 'planted'],
    ['an arrow function', (block: string) => `const planted = async <T>(a: T): Promise<void> => ${block};`, 'planted'],
    ['a property', (block: string) => `const port = { planted: () => ${block} };`, 'planted'],
    ['a method of an object', (block: string) => `const port = { planted() ${block} };`, 'planted'],
    ['a method of a class', (block: string) => `class Room { #planted(): void ${block} }`, 'Room.planted'],
    ['a setter', (block: string) => `class Room { set planted(a: number) ${block} }`, 'Room.planted'],
    ['a callback', (block: string) => `serve(operation, async (c) => ${block});`, 'anonymous'],
    ['an inner function', (block: string) => `const outer = () => { function planted() ${block} };`, 'outer.planted'],
  ])('see %s of 61 lines', (_, plant, name) => {
    const found = (lines: number) => long(parseSource('x.ts', plant(body(lines))).functions, MAX_FUNCTION_LINES);
    expect(found(MAX_FUNCTION_LINES)).toEqual([]);
    expect(found(MAX_FUNCTION_LINES + 1)).toContainEqual({ name, lines: MAX_FUNCTION_LINES + 1 });
  });

  it('count the lines of a file', () => {
    expect(parseSource('x.ts', 'work();\n'.repeat(401)).lines).toBe(401);
  });
});
