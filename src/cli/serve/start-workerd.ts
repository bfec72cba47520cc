import { spawn } from 'node:child_process';
import { createRequire } from 'node:module';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';

/** How a process ended: by a code, or by a signal. */
export type Exit = number | NodeJS.Signals;

export interface Workerd {
  readonly pid: number;
  /** Where each socket listens, by its name. */
  readonly ports: ReadonlyMap<string, number>;
  readonly exited: Promise<Exit>;
  kill(signal: NodeJS.Signals): void;
}

/**
 * Starts workerd on a configuration and waits until it listens on so many sockets. It writes straight to our standard
 * output and error, and has a process group of its own, so that Ctrl-C in a terminal does not reach it before us.
 *
 * @param env all of its environment, where the secrets are.
 */
export async function startWorkerd(
  configFile: string,
  sockets: number,
  env: Readonly<Record<string, string>>,
): Promise<Workerd> {
  const { default: binary } = createRequire(import.meta.url)('workerd') as { readonly default: string };
  const child = spawn(binary, ['serve', '--import-path', '/', '--control-fd', '3', configFile, 'config'], {
    detached: true,
    env,
    stdio: ['ignore', 'inherit', 'inherit', 'pipe'],
  });
  const { promise: exited, resolve: ended, reject } = Promise.withResolvers<Exit>();
  child.once('error', reject).once('exit', (code, signal) => ended(signal ?? code ?? 1));
  const ports = new Map<string, number>();
  const listening = new Promise<void>((done) => {
    createInterface({ input: child.stdio[3] as Readable }).on('line', (line) => {
      const { event, socket, port } = JSON.parse(line) as { event: string; socket: string; port: number };
      if (event === 'listen') ports.set(socket, port);
      if (ports.size === sockets) done();
    });
  });
  const ready = await Promise.race([listening, exited]);
  if (ready !== undefined) throw new Error(`workerd did not start (${ready}): its words are above`);
  return { pid: child.pid ?? 0, ports, exited, kill: (signal) => child.kill(signal) };
}
