import { cp, mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';

const ROOT = resolve(import.meta.dirname, '../../..');

/** A fault that is planted into the gateway's source, for the fuzzer to find. */
export interface Mutant {
  readonly name: string;
  readonly file: string;
  /** Found once in the file. */
  readonly from: string;
  readonly to: string;
}

export const MUTANTS: readonly Mutant[] = [
  {
    name: 'a qualifier is dropped on its way to Lambda',
    file: 'src/upstream/request.ts',
    from: "arnOf(target) + (qualifier === undefined ? ''",
    to: "arnOf(target) + (qualifier === '1' || qualifier === undefined ? ''",
  },
  {
    name: 'a rule that names qualifiers also takes what has none',
    file: 'src/core/policy/apply-rules.ts',
    from: "qualifiers?.includes(qualifier ?? '$LATEST') ?? true",
    to: "qualifier === undefined || (qualifiers?.includes(qualifier ?? '$LATEST') ?? true)",
  },
  {
    name: 'a client context may be longer than it may',
    file: 'src/core/invoke/limits.ts',
    from: 'maxClientContextBytes: 3_583',
    to: 'maxClientContextBytes: 35_830',
  },
];

/** The gateway with a planted fault, built for workerd in a folder of its own. `remove` takes it away again. */
export async function buildMutant({ file, from, to }: Mutant): Promise<{ dist: string; remove(): Promise<void> }> {
  await mkdir(join(ROOT, '.fuzz'), { recursive: true });
  const folder = await mkdtemp(join(ROOT, '.fuzz/mutant-'));
  for (const name of ['src', 'wrangler.toml', 'package.json', 'tsconfig.json'])
    await cp(join(ROOT, name), join(folder, name), { recursive: true });
  await symlink(join(ROOT, 'node_modules'), join(folder, 'node_modules'));
  const path = join(folder, file);
  const source = await readFile(path, 'utf8');
  if (source.split(from).length !== 2)
    throw new Error(`${file} does not have the text to be changed, or not once: ${from}`);
  await writeFile(
    path,
    source.replace(from, () => to),
  );
  const { buildWorker } = (await import(
    join(folder, 'src/cli/local/build.ts')
  )) as typeof import('../../../src/cli/local/build.ts');
  const dist = join(folder, 'dist');
  await buildWorker(dist);
  return { dist, remove: () => rm(folder, { recursive: true, force: true }) };
}
