import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { parseAst } from 'vitest/node';

/** What the house test asks of a file of source. */
export interface SourceFile {
  /** Its path within the folder. */
  readonly name: string;
  readonly lines: number;
  /** What it imports or exports from, types included, as written. */
  readonly imports: readonly string[];
  /** Every function in it: arrow functions, methods and accessors too. An inner one is named behind the outer one. */
  readonly functions: readonly { readonly name: string; readonly lines: number }[];
}

/** Reads the TypeScript of a folder. AssemblyScript, which only looks like it, is left out. */
export const readSources = (folder: string): readonly SourceFile[] =>
  readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.ts') && !name.includes('/assembly/'))
    .sort()
    .map((name) => parseSource(name, readFileSync(join(folder, name), 'utf8')));

/** A node of the syntax tree (ESTree with TypeScript). */
interface Node {
  readonly type: string;
  readonly start: number;
  readonly end: number;
  readonly [child: string]: unknown;
}

const isNode = (value: unknown): value is Node =>
  typeof value === 'object' && value !== null && typeof (value as { type?: unknown }).type === 'string';

const IMPORTS = new Set([
  'ImportDeclaration',
  'ExportNamedDeclaration',
  'ExportAllDeclaration',
  'ImportExpression',
  'TSImportType',
]);
const FUNCTIONS = new Set(['FunctionDeclaration', 'FunctionExpression', 'ArrowFunctionExpression', 'StaticBlock']);

/** Reads one file. */
export function parseSource(name: string, text: string): SourceFile {
  const imports: string[] = [];
  const functions: { name: string; lines: number }[] = [];
  const linesOf = (start: number, end: number) => text.slice(start, end).split('\n').length;

  const visit = (node: Node, outer: readonly string[], named: string | undefined, startsAt: number): void => {
    const { source } = node;
    if (IMPORTS.has(node.type) && isNode(source) && typeof source.value === 'string') imports.push(source.value);
    const isFunction = FUNCTIONS.has(node.type);
    const path = isFunction ? [...outer, nameOf(node) ?? named ?? 'anonymous'] : outer;
    if (isFunction) functions.push({ name: path.join('.'), lines: linesOf(startsAt, node.end) });
    const isClass = node.type === 'ClassDeclaration' || node.type === 'ClassExpression';
    const within = isClass ? [...path, nameOf(node) ?? named ?? 'class'] : path;
    for (const value of Object.values(node)) {
      for (const child of Array.isArray(value) ? value : [value]) {
        if (!isNode(child)) continue;
        // What is assigned to a name is a function of that name, and of that declaration's lines.
        const isNamed = child === node.init || (child === node.value && 'key' in node);
        visit(child, within, isNamed ? nameOf(node) : undefined, isNamed ? node.start : child.start);
      }
    }
  };
  const program = parseAst(text, { lang: 'ts' }) as unknown as Node;
  visit(program, [], undefined, 0);
  return { name, lines: text.split('\n').length - (text.endsWith('\n') ? 1 : 0), imports, functions };
}

/** The name that a declaration, property or method gives. */
function nameOf({ id, key }: Node): string | undefined {
  const named = isNode(id) ? id : key;
  return isNode(named) && typeof named.name === 'string' ? named.name : undefined;
}

/** The file within the folder that an import of another file names. Undefined for what is not in the folder. */
export function resolveImport(from: string, specifier: string): string | undefined {
  if (!specifier.startsWith('.')) return undefined;
  const path = relative('/', resolve('/', dirname(from), specifier));
  return path.startsWith('..') ? undefined : path;
}

/** Every circle of imports: the files of each strongly connected part of more than one (Tarjan), by name. */
export function findCycles(imports: ReadonlyMap<string, readonly string[]>): string[][] {
  const index = new Map<string, number>();
  const low = new Map<string, number>();
  const stack: string[] = [];
  const cycles: string[][] = [];
  const connect = (file: string): number => {
    const own = index.size;
    index.set(file, own);
    low.set(file, own);
    stack.push(file);
    for (const next of imports.get(file) ?? []) {
      const seen = index.has(next);
      const reach = seen ? (stack.includes(next) ? (index.get(next) ?? own) : own) : connect(next);
      low.set(file, Math.min(low.get(file) ?? own, reach));
    }
    const lowest = low.get(file) ?? own;
    if (lowest === own) {
      const part = stack.splice(stack.indexOf(file));
      if (part.length > 1 || imports.get(file)?.includes(file)) cycles.push(part.sort());
    }
    return lowest;
  };
  for (const file of imports.keys()) if (!index.has(file)) connect(file);
  return cycles.sort();
}
