import { existsSync, readFileSync } from 'node:fs';
import Module, { registerHooks } from 'node:module';
import { dirname, extname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { compileFunction } from 'node:vm';

/** The loaders of `require`, by file extension. Node documents them as `require.extensions`, but its types lack them. */
const { _extensions: extensions } = Module as unknown as {
  readonly _extensions: Record<
    '.js',
    (module: { _compile(source: string, file: string, format: 'commonjs'): void }, file: string) => void
  >;
};

/**
 * Makes Node decide by the text of a `.js` file in `folder` whether the file is CommonJS or a module. Lambda does the same,
 * because no package encloses a function there. Here, an enclosing `package.json` may say `"type": "module"`, as ours does.
 * A `package.json` inside the folder still decides for the files in its package.
 */
export function readAsLambdaDoes(folder: string): void {
  const formatOf = (url: string): 'commonjs' | 'module' | undefined => {
    const file = url.startsWith('file:') ? fileURLToPath(url) : '';
    const isOurs =
      extname(file) === '.js' && file.startsWith(join(folder, '/')) && !hasOwnPackage(dirname(file), folder);
    if (!isOurs || !existsSync(file)) return undefined;
    return isCommonJs(readFileSync(file, 'utf8')) ? 'commonjs' : 'module';
  };
  // `require` checks the enclosing package itself, after the hooks have run.
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

/** True if `from`, `folder` or a folder between them has a `package.json`, which then decides the format of its files. */
function hasOwnPackage(from: string, folder: string): boolean {
  for (let at = from; at.length >= folder.length; at = dirname(at)) {
    if (existsSync(join(at, 'package.json'))) return true;
  }
  return false;
}

/** True unless the source uses module syntax. A file with any other syntax error counts as CommonJS. */
function isCommonJs(source: string): boolean {
  try {
    compileFunction(source, ['exports', 'require', 'module', '__filename', '__dirname']);
    return true;
  } catch (error) {
    return !/import statement|Unexpected token 'export'|import\.meta|await is only valid/.test(String(error));
  }
}
