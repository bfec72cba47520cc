import type { Command } from 'commander';

/** Adds `postern build`: the Worker as a deployment uploads it. */
export function buildCommand(program: Command): void {
  program
    .command('build')
    .description('bundle the Worker into dist/, as a deployment does, and say its size')
    .option('--json', 'print the size as JSON')
    .addHelpText('after', '\nExamples:\n  $ npm run build\n  $ postern build --json')
    .action(build);
}

async function build({ json }: { readonly json?: boolean }): Promise<void> {
  const { bundleWorker, PACKAGE_ROOT } = await import('../bundle.ts');
  const bundle = await bundleWorker(`${PACKAGE_ROOT}/dist`);
  const kib = (count: number) => `${(count / 1024).toFixed(1)} KiB`;
  console.log(json ? JSON.stringify(bundle) : `${bundle.path}: ${kib(bundle.bytes)}, ${kib(bundle.gzipBytes)} gzipped`);
}
