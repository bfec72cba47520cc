import { open } from 'node:fs/promises';
import { isIP } from 'node:net';
import { join } from 'node:path';
import { type Command, InvalidArgumentError } from 'commander';
import { PACKAGE_ROOT } from '../local/bundle.ts';
import { parsePort } from '../local/port.ts';
import { type Served, type ServeOptions, startServe } from '../serve/serve.ts';

interface ServeFlags extends Omit<ServeOptions, 'log' | 'drainMs'> {
  /** Seconds that calls in flight get to finish. */
  readonly drain: number;
  readonly json?: boolean;
}

/** Adds `postern serve`, which runs the gateway on the operator's own machine. */
export function serveCommand(program: Command): void {
  program
    .command('serve')
    .description('run the gateway on workerd in front of your Lambda, with its state on disk (self-hosting)')
    .option('--host <address>', 'IP address to listen on; 0.0.0.0 or :: for all', parseAddress, '127.0.0.1')
    .option('--port <n>', 'port to listen on', parsePort, 8787)
    .option('--admin-port <n>', 'serve the admin API on this port only', parsePort)
    .option('--admin-host <address>', 'IP address for --admin-port (default: 127.0.0.1)', parseAddress)
    .option('--state <dir>', 'the folder for the databases', '.postern-serve')
    // The name is not `--env-file`, because Node claims that option anywhere on the command line.
    .option('--settings <file>', 'file of settings, as NAME=value lines; the environment overrides it')
    .option('--tls-cert <file>', 'certificate chain, PEM')
    .option('--tls-key <file>', 'its private key, PEM')
    .option('--behind-tls-proxy', 'all calls come through a proxy that ends TLS and sets X-Forwarded-Proto: https')
    .option('--client-ip-header <name>', "the header in which your proxy puts the caller's address")
    .option('--local-issuers', 'allow token issuers on this machine and private networks, for tests')
    .option(
      '--drain <seconds>',
      'seconds that calls in flight get to finish after SIGTERM, SIGINT or SIGHUP',
      parseSeconds,
      4,
    )
    .option('--dist <dir>', 'the output folder of postern build', join(PACKAGE_ROOT, 'dist'))
    .option('--json', 'when ready, print one line of JSON on standard output, before the log')
    .addHelpText(
      'after',
      `
The log, one line of JSON for each call, goes to standard output; everything else goes to standard error.
If workerd ends, it is restarted. Send SIGHUP to load a renewed certificate.

Examples:
  $ postern serve --settings /etc/postern.env --state /var/lib/postern \\
      --host 0.0.0.0 --port 443 --tls-cert cert.pem --tls-key key.pem
  $ postern serve --behind-tls-proxy --client-ip-header X-Real-IP`,
    )
    .action(serve);
}

async function serve({ drain, json = false, ...options }: ServeFlags): Promise<void> {
  let server: Served | undefined;
  let signals = 0;
  const { promise: signalled, resolve } = Promise.withResolvers<void>();
  const end = () => {
    signals += 1;
    if (signals > 1) server?.kill();
    resolve();
  };
  process.on('SIGINT', end).on('SIGTERM', end);
  const hadTerminal = await hasTerminal();
  const { promise: started, resolve: start } = Promise.withResolvers<Served>();
  let reloads = started;
  process.on('SIGHUP', () => {
    reloads = reloads.then(async (running) => {
      // A closing terminal also sends SIGHUP, to end its processes.
      if (hadTerminal && !(await hasTerminal())) end();
      else await running.reload();
      return running;
    });
    reloads.catch((error: unknown) => console.error(`postern: SIGHUP: ${String(error)}`));
  });
  server = await startServe({ ...options, drainMs: drain * 1_000, log: (line) => console.error(line) });
  start(server);
  const { gateway, admin } = server;
  if (json) console.log(JSON.stringify({ gateway, ...(admin !== undefined && { admin }) }));
  else {
    const isAll = options.host === '0.0.0.0' || options.host === '::';
    console.error(`Postern is listening at ${gateway}${isAll ? ' and at every other address of this machine' : ''}`);
    if (admin !== undefined) console.error(`The admin API is at ${admin}`);
  }
  await Promise.race([signalled, server.ended]);
  await server.stop();
  process.exit(0);
}

/** True if this process has a controlling terminal that is still open. */
async function hasTerminal(): Promise<boolean> {
  const file = await open('/dev/tty', 'r').catch(() => undefined);
  await file?.close();
  return file !== undefined;
}

function parseAddress(text: string): string {
  if (isIP(text) === 0) throw new InvalidArgumentError('must be an IPv4 or IPv6 address of this machine');
  return text;
}

function parseSeconds(text: string): number {
  const seconds = /^\d{1,3}$/.test(text) ? Number(text) : Number.NaN;
  if (!(seconds <= 900)) throw new InvalidArgumentError('must be a number of seconds from 0 to 900');
  return seconds;
}
