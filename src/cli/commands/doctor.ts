import { join } from 'node:path';
import type { Command } from 'commander';
import type { Settings } from '../../core/settings.ts';
import { checkCredentials } from '../doctor/credentials.ts';
import { type Finding, findingsOf } from '../doctor/finding.ts';
import { checkGateway } from '../doctor/gateway.ts';
import { checkSettings } from '../doctor/settings.ts';
import { checkWrangler } from '../doctor/wrangler.ts';
import { PACKAGE_ROOT } from '../local/bundle.ts';
import {
  type Connection,
  findGateway,
  type OperatorFlags,
  readConnection,
  withConnection,
} from '../operator/connection.ts';
import { gatherSettings } from '../serve/read-environment.ts';
import { CommandError } from '../terminal/exit.ts';
import { paint } from '../terminal/paint.ts';

interface DoctorFlags extends OperatorFlags {
  readonly settings?: string;
  readonly function?: string;
  readonly config: string;
}

/** Adds `postern doctor`, which finds the faults of a setup and says how to fix each fault. */
export function doctorCommand(program: Command): void {
  withConnection(program.command('doctor'))
    .description('check settings, credentials, clock, wrangler.toml and the gateway')
    .option(
      '--settings <file>',
      'file of settings, as NAME=value lines; the environment overrides it. --url takes its admin token',
    )
    .option('--function <name>', 'a function that the credentials should be able to invoke; it is not run')
    .option('--config <file>', 'the wrangler configuration', join(PACKAGE_ROOT, 'wrangler.toml'))
    .option('--json', 'print JSON')
    .addHelpText(
      'after',
      `
Nothing is changed, and no function runs: the credentials sign one Invoke of the type DryRun. Ends with 1 if anything is
wrong. What a deployed Worker has as secrets nobody can read back: give it the same here.

Examples:
  $ postern doctor --settings .dev.vars --function orders
  $ POSTERN_URL=https://gateway.example POSTERN_ADMIN_TOKEN=... postern doctor --json`,
    )
    .action(doctor);
}

async function doctor(flags: DoctorFlags): Promise<void> {
  const wrangler = checkWrangler(flags.config);
  let unknown: readonly string[] = [];
  const given = await gatherSettings({
    env: process.env,
    file: flags.settings,
    log: (line) => console.error(line),
    onUnknown: (problems) => {
      unknown = problems;
    },
  });
  // A Worker gets its region from wrangler.toml.
  const { AWS_REGION } = wrangler.vars;
  const { findings, settings } = checkSettings({ ...(typeof AWS_REGION === 'string' && { AWS_REGION }), ...given });
  const { fail } = findingsOf('settings');
  findings.push(...unknown.map((problem) => fail(problem, 'it has no effect')));
  findings.push(...wrangler.findings);
  if (settings) findings.push(...(await checkCredentials(settings, flags.function)));
  if ((await findGateway(flags, process.env)) === undefined) {
    const { skipped } = findingsOf('gateway');
    findings.push(skipped('no gateway given', 'set POSTERN_URL and POSTERN_ADMIN_TOKEN, or give --url or --profile'));
  } else {
    // The token in the settings file belongs to the gateway at `--url`. POSTERN_URL may name a different gateway.
    const hasToken = flags.url === undefined || Boolean(process.env.POSTERN_ADMIN_TOKEN);
    const env = hasToken ? process.env : { ...process.env, POSTERN_URL: '', ...given };
    findings.push(...(await examineGateway(flags, env, settings)));
  }

  console.log(flags.json ? JSON.stringify({ findings }) : findings.map(show).join('\n'));
  const failed = findings.filter(({ status }) => status === 'fail').length;
  if (failed > 0) throw new CommandError(failed === 1 ? '1 check failed' : `${failed} checks failed`);
}

/** Checks the gateway. A missing token or an unusable address is reported as a failed check. */
async function examineGateway(
  flags: DoctorFlags,
  env: NodeJS.ProcessEnv,
  settings: Settings | undefined,
): Promise<Finding[]> {
  let connection: Connection;
  try {
    connection = await readConnection(flags, env);
  } catch (error) {
    if (!(error instanceof CommandError)) throw error;
    return [
      findingsOf('gateway').fail(error.message, 'fix the address or token, or leave them out to skip this check'),
    ];
  }
  return await checkGateway(connection, settings?.rootKeys);
}

const COLOURS = { ok: 'green', warn: 'yellow', fail: 'red', skipped: 'gray' } as const;

const show = ({ check, status, message, fix }: Finding): string =>
  `${paint(COLOURS[status], status.padEnd(7))}  ${check}: ${message}${fix === undefined ? '' : `\n         ${fix}`}`;
