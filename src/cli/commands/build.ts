import type { Command } from 'commander';

/** Adds `postern build`, which bundles the Worker for deployment and for a self-hosted workerd. */
export function buildCommand(program: Command): void {
  program
    .command('build')
    .description('bundle the Worker and a configuration for workerd into dist/, and print its size')
    .option('--json', 'print JSON')
    .addHelpText('after', '\nExamples:\n  $ npm run build\n  $ postern build --json')
    .action(build);
}

async function build({ json }: { readonly json?: boolean }): Promise<void> {
  const [{ buildWorker }, { PACKAGE_ROOT }] = await Promise.all([
    import('../local/build.ts'),
    import('../local/bundle.ts'),
  ]);
  const bundle = await buildWorker(`${PACKAGE_ROOT}/dist`);
  const kib = (count: number) => `${(count / 1024).toFixed(1)} KiB`;
  console.log(json ? JSON.stringify(bundle) : `${bundle.path}: ${kib(bundle.bytes)}, ${kib(bundle.gzipBytes)} gzipped`);
}
