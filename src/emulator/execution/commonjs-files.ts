import { existsSync, readFileSync } from 'node:fs';
import Module, { registerHooks } from 'node:module';
import { dirname, extname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { compileFunction } from 'node:vm';

/** How `require` reads a kind of file: documented as `require.extensions`, and not in the types. */
const { _extensions: extensions } = Module as unknown as {
  readonly _extensions: Record<
    '.js',
    (module: { _compile(source: string, file: string, format: 'commonjs'): void }, file: string) => void
  >;
};

/**
 * Decides by its own text whether a `.js` file of a folder is CommonJS or a module, as in Lambda, where there is no package
 * around a function. The folder may be in a package whose `package.json` says `"type": "module"`, such as this one. A
 * `package.json` within the folder counts.
 */
export function readAsLambdaDoes(folder: string): void {
  const formatOf = (url: string): 'commonjs' | 'module' | undefined => {
    const file = url.startsWith('file:') ? fileURLToPath(url) : '';
    const isOurs =
      extname(file) === '.js' && file.startsWith(join(folder, '/')) && !hasOwnPackage(dirname(file), folder);
    if (!isOurs || !existsSync(file)) return undefined;
    return isCommonJs(readFileSync(file, 'utf8')) ? 'commonjs' : 'module';
  };
  // `require` asks the package around for itself, after the hooks.
  const ofNode = extensions['.js'];
  extensions['.js'] = (module, file) => {
    if (formatOf(pathToFileURL(file).href) !== 'commonjs') ofNode(module, file);
    else module._compile(readFileSync(file, 'utf8'), file, 'commonjs');
  };
  registerHooks({
    load(url, context, nextLoad) {
      const format = formatOf(url);
      if (format === undefined) return nextLoad(url, context);
      return { format, source: readFileSync(fileURLToPath(url), 'utf8'), shortCircuit: true };
    },
  });
}

/** Whether there is a `package.json` between a file and the folder: it says what its files are. */
function hasOwnPackage(from: string, folder: string): boolean {
  for (let at = from; at.length >= folder.length; at = dirname(at)) {
    if (existsSync(join(at, 'package.json'))) return true;
  }
  return false;
}

/** A syntax error does not make a file a module: only module syntax does. */
function isCommonJs(source: string): boolean {
  try {
    compileFunction(source, ['exports', 'require', 'module', '__filename', '__dirname']);
    return true;
  } catch (error) {
    return !/import statement|Unexpected token 'export'|import\.meta|await is only valid/.test(String(error));
  }
}
