import { type Command, InvalidArgumentError, Option } from 'commander';
import { readableLine } from '../local/access-line.ts';
import type { DevOptions } from '../local/dev.ts';
import { parsePort } from '../local/port.ts';
import { parseOrigin } from '../operator/origin.ts';

const EXIT_WITHIN_MS = 4_000;

interface DevFlags extends Omit<DevOptions, 'log'> {
  readonly json?: boolean;
}

/** Adds `postern dev`, which runs the gateway and a local Lambda on this machine. */
export function devCommand(program: Command): void {
  program
    .command('dev')
    .description('run the gateway on workerd, with a local Lambda behind it')
    .option('--port <n>', 'port of the gateway', parsePort, 8787)
    .option('--lambda-port <n>', 'port of the local Lambda', parsePort, 9001)
    .addOption(
      new Option(
        '--lambda-endpoint <url>',
        'use the Lambda at this address instead (AWS or another emulator), with the AWS_* settings in the environment',
      )
        .argParser(parseOrigin)
        .conflicts('functions'),
    )
    .option(
      '--functions <dir>',
      'a folder of your own handlers, NAME.js or NAME/index.js; reloaded when they change',
      parseFolder,
    )
    .option('--state <dir>', 'the folder for keys, tenants and usage', parseFolder, '.postern')
    .option('--json', 'when ready, print one line of JSON on standard output')
    .addHelpText(
      'after',
      `
Examples:
  $ npm start
  $ npm start -- --functions ./functions
  $ npm start -- --port 0 --lambda-port 0 --json
  $ AWS_ACCOUNT_ID=000000000000 npm start -- --lambda-endpoint http://localhost:4566`,
    )
    .action(dev);
}

/** Runs until SIGINT or SIGTERM. With `--json`, prints one line to standard output and the rest to standard error. */
async function dev({ json = false, ...options }: DevFlags): Promise<void> {
  const say = json ? console.error : console.log;
  if (!json) say('Starting Postern ...');
  // Import Miniflare and wrangler here: they load slowly, and most commands do not need them.
  const [{ firstCall, startDev }, { banner }] = await Promise.all([
    import('../local/dev.ts'),
    import('../local/banner.ts'),
  ]);
  const server = await startDev({ ...options, log: (line) => say(readableLine(line)) });
  const stop = signalled();
  if (json) {
    const { gateway, lambda, adminToken, demo } = server;
    console.log(JSON.stringify({ gateway, lambda, console: null, adminToken, demo }));
  } else {
    say(banner(server, options.lambdaEndpoint ? undefined : await firstCall(server)));
  }
  await stop;
  setTimeout(() => process.exit(1), EXIT_WITHIN_MS).unref();
  await server.close();
  if (!json) say('\nStopped.');
  process.exit(0);
}

/** Waits for SIGINT or SIGTERM. Removes Miniflare's listeners, which would exit before the databases are closed. */
function signalled(): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    const others = process.rawListeners(signal);
    // Add our listener before removing the others. Without any listener, a pending signal would be lost.
    process.on(signal, () => resolve());
    for (const other of others) process.off(signal, other as NodeJS.SignalsListener);
  }
  return promise;
}

function parseFolder(text: string): string {
  if (text === '') throw new InvalidArgumentError('a folder must have a name');
  return text;
}
