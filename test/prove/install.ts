import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { listClients, prepare } from '../conformance/clients.ts';
import { installSchemathesis } from '../fuzz/admin/install.ts';
import { installEmulator, LAMBDAS } from '../story/lambdas/emulators.ts';

const run = promisify(execFile);
const APT_TIMEOUT_MS = 10 * 60_000;

/** Tools that clients and emulators are built with, and Debian's packages that have them. */
const TOOLS: readonly { readonly finds: readonly string[]; readonly packages: readonly string[] }[] = [
  { finds: ['python3', '-c', 'import venv, ensurepip'], packages: ['python3', 'python3-venv'] },
  { finds: ['go', 'version'], packages: ['golang-go'] },
  { finds: ['javac', '--version'], packages: ['default-jdk-headless'] },
  { finds: ['mvn', '--version'], packages: ['maven'] },
  { finds: ['cargo', '--version'], packages: ['cargo'] },
];

const tally = { passed: 0, failed: 0 };
function tell(what: string, fault?: string): void {
  tally[fault === undefined ? 'passed' : 'failed'] += 1;
  console.log(`${fault === undefined ? '✓' : '✗'} ${what}${fault === undefined ? '' : `: ${fault}`}`);
}

const works = ([tool = '', ...args]: readonly string[]): Promise<boolean> =>
  run(tool, args).then(
    () => true,
    () => false,
  );

/** Installs the packages of tools that are not there, where this is Debian and we are root. */
async function installTools(): Promise<void> {
  const missing: string[] = [];
  for (const { finds, packages } of TOOLS) if (!(await works(finds))) missing.push(...packages);
  if (missing.length > 0 && (await works(['apt-get', '--version']))) {
    const options = { timeout: APT_TIMEOUT_MS, maxBuffer: 64 * 1024 * 1024 };
    const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
    await run('apt-get', ['update'], options).catch(() => {});
    await run('apt-get', ['install', '--yes', '--no-install-recommends', ...missing], { ...options, env }).catch(
      () => {},
    );
  }
  for (const { finds, packages } of TOOLS) {
    tell(finds.join(' '), (await works(finds)) ? undefined : `not here; Debian has it in ${packages.join(', ')}`);
  }
}

/** Installs every client of the conformance run. */
async function installClients(): Promise<void> {
  for (const client of await listClients()) {
    const readiness = await prepare(client);
    tell(`conformance client ${client.name}`, 'skipped' in readiness ? readiness.skipped : undefined);
  }
}

/** Installs other people's Lambdas. */
async function installLambdas(): Promise<void> {
  for (const emulator of LAMBDAS) {
    const readiness = await installEmulator(emulator);
    tell(`Lambda ${emulator.name}`, 'skipped' in readiness ? readiness.skipped : undefined);
  }
}

await installTools();
await installClients();
await installLambdas();
await installSchemathesis().then(
  () => tell('schemathesis'),
  (error: Error) => tell('schemathesis', error.message),
);
console.log(`${tally.passed} passed, ${tally.failed} failed`);
process.exitCode = tally.failed > 0 ? 1 : 0;
