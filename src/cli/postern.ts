#!/usr/bin/env node
import { Command, InvalidArgumentError } from 'commander';
import { readableLine } from './access-line.ts';
import { banner } from './banner.ts';
import { bundleWorker, PACKAGE_ROOT } from './bundle.ts';
import { conformanceCommand } from './conformance.ts';
import { type DevOptions, firstCall, startDev } from './dev.ts';

const EXIT_WITHIN_MS = 4_000;

const parsePort = (text: string): number => {
  const port = /^\d{1,5}$/.test(text) ? Number(text) : Number.NaN;
  if (!(port <= 65_535)) throw new InvalidArgumentError('a port is a number from 0 (any free one) to 65535');
  return port;
};

const parseOrigin = (text: string): string => {
  if (!/^https?:\/\/[^/\s]+\/?$/.test(text) || !URL.canParse(text)) {
    throw new InvalidArgumentError('an endpoint is http(s)://host or http(s)://host:port');
  }
  return text.replace(/\/$/, '');
};

const parseFolder = (text: string): string => {
  if (text === '') throw new InvalidArgumentError('a folder has a name');
  return text;
};

interface DevFlags extends Omit<DevOptions, 'log'> {
  readonly json?: boolean;
}

/** Runs all of it until a signal. In `--json` mode standard output is one line, and the rest goes to standard error. */
async function dev({ json = false, ...options }: DevFlags): Promise<void> {
  const say = json ? console.error : console.log;
  if (!json) say('Starting Postern ...');
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
  process.exit(0);
}

/** Waits for a signal to end. Miniflare's own listeners would exit at once, before the databases are closed. */
function signalled(): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    const others = process.rawListeners(signal);
    // Ours first: while a signal has no listener at all, one that comes is lost.
    process.on(signal, () => resolve());
    for (const other of others) process.off(signal, other as NodeJS.SignalsListener);
  }
  return promise;
}

async function build(): Promise<void> {
  const { path, bytes, gzipBytes } = await bundleWorker(`${PACKAGE_ROOT}/dist`);
  const kib = (count: number) => `${(count / 1024).toFixed(1)} KiB`;
  console.log(`${path}: ${kib(bytes)}, ${kib(gzipBytes)} gzipped`);
}

const program = new Command('postern').description('AWS Lambda Invoke for callers who have no AWS keys');

program
  .command('dev')
  .description('run the gateway on workerd, with a local Lambda behind it')
  .option('--port <n>', 'port of the gateway', parsePort, 8787)
  .option('--lambda-port <n>', 'port of the local Lambda', parsePort, 9001)
  .option('--lambda-endpoint <url>', 'use this Lambda instead, with the AWS_* settings of the environment', parseOrigin)
  .option('--functions <dir>', 'your own handlers: NAME.js or NAME/index.js, reloaded when they change', parseFolder)
  .option('--state <dir>', 'where everything is kept', parseFolder, '.postern')
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

program
  .command('build')
  .description('bundle the Worker into dist/, as a deployment does, and say its size')
  .action(build);

conformanceCommand(program);

try {
  await program.parseAsync();
} catch (error) {
  console.error(`postern: ${error instanceof Error ? error.message : String(error)}`);
  process.exit(1);
}
