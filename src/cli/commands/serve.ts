import { isIP } from 'node:net';
import { join } from 'node:path';
import { type Command, InvalidArgumentError } from 'commander';
import { PACKAGE_ROOT } from '../bundle.ts';
import { CommandError } from '../exit.ts';
import { parsePort } from '../port.ts';
import { type Served, type ServeOptions, startServe } from '../serve/serve.ts';

interface ServeFlags extends Omit<ServeOptions, 'log'> {
  /** Seconds. */
  readonly drain: number;
  readonly json?: boolean;
}

/** Adds `postern serve`: the gateway on a machine of the operator's. */
export function serveCommand(program: Command): void {
  program
    .command('serve')
    .description('run the gateway on workerd in front of your Lambda, with its state on disk (self-hosting)')
    .option('--host <address>', 'IP address to listen on; 0.0.0.0 or :: for all', parseAddress, '127.0.0.1')
    .option('--port <n>', 'port to listen on', parsePort, 8787)
    .option('--state <dir>', 'where everything is kept', '.postern-serve')
    // Not `--env-file`: Node takes that for itself, wherever it stands.
    .option('--settings <file>', 'settings as NAME=value lines; those of the environment win')
    .option('--tls-cert <file>', 'certificate chain, PEM')
    .option('--tls-key <file>', 'its private key, PEM')
    .option('--behind-tls-proxy', 'take the scheme from X-Forwarded-Proto, which your proxy has to set')
    .option('--client-ip-header <name>', "the caller's address, in a header that your proxy has to set")
    .option('--drain <seconds>', 'how long calls may go on after SIGTERM', parseSeconds, 4)
    .option('--dist <dir>', 'what postern build made', join(PACKAGE_ROOT, 'dist'))
    .option('--json', 'when ready, print one line of JSON on standard output, before the log')
    .addHelpText(
      'after',
      `
The log, a line of JSON for each call, goes to standard output; all else to standard error.

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
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.on(signal, () => {
      signals += 1;
      if (signals > 1) server?.kill();
      resolve();
    });
  }
  server = await startServe({ ...options, log: (line) => console.error(line) });
  if (json) console.log(JSON.stringify({ gateway: server.gateway }));
  else console.error(`Postern serves at ${server.gateway}`);
  const exit = await Promise.race([signalled, server.exited]);
  if (exit !== undefined) throw new CommandError(`workerd ended by itself (${exit}); its last words are above`);
  await server.stop(drain * 1_000);
  process.exit(0);
}

function parseAddress(text: string): string {
  if (isIP(text) === 0) throw new InvalidArgumentError('an address is an IPv4 or IPv6 address of this machine');
  return text;
}

function parseSeconds(text: string): number {
  const seconds = /^\d{1,3}$/.test(text) ? Number(text) : Number.NaN;
  if (!(seconds <= 900)) throw new InvalidArgumentError('a number of seconds from 0 to 900');
  return seconds;
}
