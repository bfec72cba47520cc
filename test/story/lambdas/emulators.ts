import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join, resolve } from 'node:path';
import { type Command, installFolder, isInstalled, type Needs, type Readiness } from '../../support/install-folder.ts';
import { freePort } from '../../support/workerd.ts';

/** A Lambda that is not ours, as its registry has it. */
export interface LambdaEmulator extends Needs {
  /** Its folder here. */
  readonly name: string;
  /** How it is started in its installed folder, with two ports that are free. */
  readonly run: (port: number, otherPort: number) => Command;
  readonly env?: Readonly<Record<string, string>>;
}

const INSTALLED = resolve(import.meta.dirname, '../../../.lambdas');
const START_TIMEOUT_MS = 90_000;

export const SERVERLESS_OFFLINE: LambdaEmulator = {
  name: 'serverless-offline',
  tools: [['npm', '--version']],
  install: [['npm', 'ci', '--no-audit', '--no-fund']],
  run: (port, otherPort) =>
    `npx serverless offline start --lambdaPort ${port} --httpPort ${otherPort} --noTimeout`.split(' '),
  env: { SLS_TELEMETRY_DISABLED: '1', SLS_NOTIFICATIONS_MODE: 'off', SLS_ANALYTICS_DISABLED: '1' },
};

const RIE_PACKAGE = 'github.com/aws/aws-lambda-runtime-interface-emulator/cmd/aws-lambda-rie';
export const RIE: LambdaEmulator = {
  name: 'rie',
  tools: [['go', 'version']],
  install: [['go', 'build', '-o', 'rie', RIE_PACKAGE]],
  run: (port, otherPort) => [
    './rie',
    ...['--runtime-interface-emulator-address', `127.0.0.1:${port}`],
    ...['--runtime-api-address', `127.0.0.1:${otherPort}`],
    ...[process.execPath, 'bootstrap.mjs'],
  ],
};

export const MOTO: LambdaEmulator = {
  name: 'moto',
  tools: [['python3', '-c', 'import venv, ensurepip']],
  install: [
    ['python3', '-m', 'venv', 'venv'],
    ['venv/bin/pip', 'install', '--quiet', '--disable-pip-version-check', '-r', 'requirements.txt'],
  ],
  run: (port) => ['venv/bin/moto_server', '-H', '127.0.0.1', '-p', String(port)],
};

export const LAMBDAS: readonly LambdaEmulator[] = [SERVERLESS_OFFLINE, RIE, MOTO];

const folderOf = ({ name }: LambdaEmulator) => join(import.meta.dirname, name);

export const installEmulator = (emulator: LambdaEmulator): Promise<Readiness> =>
  installFolder(folderOf(emulator), join(INSTALLED, emulator.name), emulator);

/** What a reader of a skipped test has to know; undefined when it is installed. */
export const missing = async (emulator: LambdaEmulator): Promise<string | undefined> =>
  (await isInstalled(folderOf(emulator), join(INSTALLED, emulator.name)))
    ? undefined
    : `${emulator.name} is not installed: npm run prove -- --only install`;

/** Starts one, and waits until it answers. */
export async function startLambda(emulator: LambdaEmulator): Promise<{ url: string; stop(): Promise<void> }> {
  const port = await freePort();
  const [command = '', ...args] = emulator.run(port, await freePort());
  const cwd = join(INSTALLED, emulator.name);
  // Neither the machine's AWS settings nor its home are the emulator's.
  const env = { PATH: process.env.PATH ?? '', HOME: cwd, ...emulator.env };
  const child = spawn(command, args, { cwd, env, detached: true, stdio: ['ignore', 'pipe', 'pipe'] });
  let log = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => {
      log = (log + text).slice(-4_000);
    });
  }
  const exited = once(child, 'exit');
  const url = `http://127.0.0.1:${port}`;
  const stop = async () => {
    if (child.pid !== undefined && child.exitCode === null) process.kill(-child.pid, 'SIGKILL');
    await exited;
  };
  for (const startedMs = Date.now(); ; ) {
    const answered = await fetch(url).then(
      () => true,
      () => false,
    );
    if (answered) return { url, stop };
    if (child.exitCode !== null || Date.now() > startedMs + START_TIMEOUT_MS) {
      await stop();
      throw new Error(`${emulator.name} does not answer:\n${log}`);
    }
    await new Promise((waited) => setTimeout(waited, 100));
  }
}
