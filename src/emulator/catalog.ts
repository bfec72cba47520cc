import { readdirSync, statSync, watch } from 'node:fs';
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';

/** The current code of a function. */
export interface FunctionCode {
  readonly name: string;
  /** The URL of the module that exports the handler. */
  readonly module: string;
  /** The developer's folder with the code. Absent for a built-in function. */
  readonly folder?: string;
  /** Changes whenever the code changes. */
  readonly revision: string;
  /** True if the function has a reserved concurrency of zero, so that it never runs. */
  readonly isThrottled: boolean;
}

/** The functions that can be called. */
export interface Catalog {
  find(name: string): FunctionCode | undefined;
  close(): void;
}

const builtIns = new Set(['hello', 'echo', 'identity', 'slow', 'fail', 'log', 'big', 'throttled', 'stream']);
const endings = ['js', 'mjs', 'cjs', 'ts', 'mts'];

/**
 * Opens the built-in functions and the functions of a folder. A function in the folder replaces a built-in of the same name.
 * Every call reads the folder, so that a new file works at once. A watcher notices changes to files that a handler imports.
 */
export function openCatalog(functionsDir: string | undefined, log: (line: string) => void): Catalog {
  if (functionsDir === undefined) return { find: findBuiltIn, close() {} };
  const folder = resolve(functionsDir);
  if (!statSync(folder, { throwIfNoEntry: false })?.isDirectory()) {
    throw new Error(`The functions folder does not exist: ${folder}`);
  }
  let changes = 0;
  const watcher = watch(folder, { recursive: true, persistent: false }, () => {
    changes += 1;
  });
  watcher.on('error', (error) => log(`Changes in ${folder} are no longer seen: ${error.message}`));
  return {
    find: (name) => findInFolder(folder, name, changes) ?? findBuiltIn(name),
    close: () => watcher.close(),
  };
}

function findBuiltIn(name: string): FunctionCode | undefined {
  if (!builtIns.has(name)) return undefined;
  const module = new URL(`./functions/${name}.ts`, import.meta.url).href;
  return { name, module, revision: 'built-in', isThrottled: name === 'throttled' };
}

/** The names of the functions in a folder, sorted. */
export function listFunctions(folder: string): string[] {
  const names = new Set(readdirSync(folder).map((entry) => entry.replace(/\.[^.]+$/, '')));
  return [...names].filter((name) => findInFolder(resolve(folder), name, 0) !== undefined).toSorted();
}

/** Finds nothing for a name with a dot: Lambda allows no dot in a function's name, and `..` would leave the folder. */
function findInFolder(folder: string, name: string, changes: number): FunctionCode | undefined {
  if (!/^[a-zA-Z0-9-_]+$/.test(name)) return undefined;
  for (const stem of [name, join(name, 'index')]) {
    for (const ending of endings) {
      const file = join(folder, `${stem}.${ending}`);
      const stat = statSync(file, { throwIfNoEntry: false });
      if (!stat?.isFile()) continue;
      const revision = [changes, stat.ino, stat.mtimeMs, stat.size].join('/');
      return { name, module: pathToFileURL(file).href, folder, revision, isThrottled: false };
    }
  }
  return undefined;
}
