import type { Command } from 'commander';
import type { Case, Outcome } from '../conformance/case.ts';
import { FUNCTIONS, readCases } from '../conformance/cases.ts';
import { compareOutcome, type Verdict } from '../conformance/compare.ts';
import type { KeyPair, Target } from '../conformance/interpret.ts';

interface ConformanceFlags {
  readonly endpoint: string;
  readonly accessKeyId?: string;
  readonly secretAccessKey?: string;
  readonly sessionToken?: string;
  readonly otherAccessKeyId?: string;
  readonly otherSecretAccessKey?: string;
  readonly region: string;
  readonly account?: string;
  readonly case?: readonly string[];
  readonly json?: boolean;
}

/** The result of one case: a verdict, or the reason why the case was skipped. */
interface Result {
  readonly case: Case;
  readonly outcome?: Outcome;
  readonly verdict: Verdict | { readonly kind: 'skipped'; readonly why: string };
}

const MARKS = { pass: '✓', fail: '✗', unsupported: 'n/a', report: '·', skipped: '–' } as const;

/** Adds `postern conformance`, which runs the cases with the AWS SDK for JavaScript v3 against any Invoke endpoint. */
export function conformanceCommand(program: Command): void {
  program
    .command('conformance')
    .description("run the conformance cases against any endpoint that speaks Lambda's Invoke API")
    .requiredOption('--endpoint <url>', 'Postern, LocalStack, SAM or AWS itself: any server of the Invoke API')
    .option('--access-key-id <id>', 'default: AWS_ACCESS_KEY_ID')
    .option('--secret-access-key <secret>', 'default: AWS_SECRET_ACCESS_KEY')
    .option('--session-token <token>', 'default: AWS_SESSION_TOKEN')
    .option('--other-access-key-id <id>', 'a key that may call nothing; default: OTHER_ACCESS_KEY_ID')
    .option('--other-secret-access-key <secret>', 'default: OTHER_SECRET_ACCESS_KEY')
    .option('--region <region>', 'the region to sign calls for', process.env.AWS_REGION ?? 'us-east-1')
    .option('--account <id>', 'the account of the functions, used in ARNs')
    .option('--case <id...>', 'run only these cases')
    .option('--json', 'print one line of JSON for each case, and one with the totals')
    .addHelpText(
      'after',
      `
Examples:
  $ postern conformance --endpoint http://127.0.0.1:8787 --access-key-id ... --secret-access-key ...
  $ AWS_ACCESS_KEY_ID=test AWS_SECRET_ACCESS_KEY=test postern conformance --endpoint http://localhost:4566 --account 000000000000
  $ postern conformance --endpoint https://lambda.eu-west-1.amazonaws.com --region eu-west-1 --account 123456789012 --json`,
    )
    .action(conformance);
}

/** Runs the cases one after another. The exit code is 1 if a case fails. */
async function conformance(flags: ConformanceFlags): Promise<void> {
  const { json = false } = flags;
  const target = targetOf(flags);
  const cases = await casesOf(flags);
  const say = json ? () => {} : console.log;
  say(functionsText(cases));
  const tally: Record<keyof typeof MARKS, number> = { pass: 0, fail: 0, unsupported: 0, report: 0, skipped: 0 };
  for (const one of cases) {
    const result = await resultOf(one, target);
    tally[result.verdict.kind] += 1;
    if (json) console.log(JSON.stringify({ id: one.id, verdict: result.verdict, outcome: result.outcome }));
    else say(lineOf(result));
  }
  if (json) console.log(JSON.stringify({ endpoint: target.endpoint, ...tally }));
  say(`\n${tally.pass} passed, ${tally.fail} failed, ${tally.skipped} skipped, ${tally.report} measured`);
  process.exitCode = tally.fail > 0 ? 1 : 0;
}

function targetOf(flags: ConformanceFlags): Target {
  const { env } = process;
  const credentials = keyPair(
    flags.accessKeyId ?? env.AWS_ACCESS_KEY_ID,
    flags.secretAccessKey ?? env.AWS_SECRET_ACCESS_KEY,
    flags.accessKeyId === undefined ? (flags.sessionToken ?? env.AWS_SESSION_TOKEN) : flags.sessionToken,
  );
  if (credentials === undefined)
    throw new Error('give --access-key-id and --secret-access-key, or set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY');
  const otherCredentials = keyPair(
    flags.otherAccessKeyId ?? env.OTHER_ACCESS_KEY_ID,
    flags.otherSecretAccessKey ?? env.OTHER_SECRET_ACCESS_KEY,
  );
  const { endpoint, region } = flags;
  return { endpoint, region, credentials, ...(otherCredentials && { otherCredentials }) };
}

function keyPair(accessKeyId?: string, secretAccessKey?: string, sessionToken?: string): KeyPair | undefined {
  if (!accessKeyId || !secretAccessKey) return undefined;
  return { accessKeyId, secretAccessKey, ...(sessionToken && { sessionToken }) };
}

async function casesOf({ account, region, case: asked }: ConformanceFlags): Promise<Case[]> {
  const cases = await readCases({ region, otherTenant: true, ...(account !== undefined && { accountId: account }) });
  const unknown = asked?.find((id) => !cases.some((one) => one.id === id));
  if (unknown !== undefined)
    throw new Error(`there is no case ${unknown}; the cases are ${cases.map(({ id }) => id).join(', ')}`);
  return cases.filter(({ id }) => asked === undefined || asked.includes(id));
}

async function resultOf(one: Case, target: Target): Promise<Result> {
  const skipped = (why: string): Result => ({ case: one, verdict: { kind: 'skipped', why } });
  if (one.endpoint === 'throttle') return skipped('it measures the SDK, not the endpoint');
  if (one.credentials === 'other-tenant' && target.otherCredentials === undefined) {
    return skipped('it needs OTHER_ACCESS_KEY_ID and OTHER_SECRET_ACCESS_KEY, a key that may call nothing');
  }
  // Import the SDK here: it loads slowly, and other commands do not need it.
  const { runCase } = await import('../conformance/interpret.ts');
  const outcome = await runCase(one, target);
  return { case: one, outcome, verdict: compareOutcome(one, outcome) };
}

function functionsText(cases: readonly Case[]): string {
  const used = Object.entries(FUNCTIONS).filter(([name]) => cases.some((one) => nameOf(one.function) === name));
  const lines = used.map(([name, does]) => `  ${name.padEnd(10)}${does}`);
  return `The endpoint must have these functions, and none named absent:\n${lines.join('\n')}\n`;
}

/** The bare name in a function name of any form. Handles only the names that the cases use. */
const nameOf = (name: string): string => name.replace(/^.*:function:/, '').replace(/:.*$/, '');

function lineOf({ case: { id, title }, verdict }: Result): string {
  const line = `${MARKS[verdict.kind]} ${id}: ${title}`;
  if (verdict.kind === 'pass') return line;
  if (verdict.kind === 'fail') return [line, ...verdict.reasons].join('\n    ');
  return `${line}\n    ${verdict.kind === 'report' ? verdict.text : verdict.why}`;
}
