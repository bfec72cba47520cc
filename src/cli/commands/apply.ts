import type { Command } from 'commander';
import { applyPlan, type Outcome } from '../declare/apply-plan.ts';
import type { Step } from '../declare/plan.ts';
import { readPlan } from '../declare/read-plan.ts';
import { showPlan, showStep } from '../declare/show-plan.ts';
import { type OperatorFlags, withConnection } from '../operator/connection.ts';
import { openOperator } from '../operator/open-operator.ts';
import { confirm } from '../terminal/confirm.ts';
import { CommandError, EXIT } from '../terminal/exit.ts';

interface ApplyFlags extends OperatorFlags {
  readonly file: string;
  readonly prune?: boolean;
  readonly yes?: boolean;
}

/** Adds `postern apply`, which makes the gateway match a file. */
export function applyCommand(program: Command): void {
  withConnection(program.command('apply'))
    .description('make the gateway match a file: print the plan, then carry it out; stop at the first error')
    .requiredOption('-f, --file <path>', 'postern.yaml; - is standard input')
    .option('--prune', 'delete tenants that are not in the file, with all their keys')
    .option('--yes', 'delete without asking')
    .option('--json', 'print JSON: the changes that were made and those that were not')
    .addHelpText(
      'after',
      `
Examples:
  $ postern apply -f postern.yaml
  $ postern apply -f postern.yaml --prune --yes
  $ generate-tenants | postern apply -f - --json`,
    )
    .action(apply);
}

async function apply(flags: ApplyFlags): Promise<void> {
  const { json = false, prune = false, yes } = flags;
  const operator = await openOperator(flags);
  const plan = await readPlan(async () => operator, flags.file, prune);
  if (!json) console.log(showPlan(plan));
  const deletions = plan.steps.filter(({ kind }) => kind === 'delete').length;
  if (deletions > 0)
    await confirm(`delete ${deletions === 1 ? 'a tenant' : `${deletions} tenants`} with all keys`, yes);
  if (!json && plan.steps.length > 0) console.log('');
  const outcome = await applyPlan(operator, plan, (step, id) => {
    if (!json) console.log(`done: ${showStep(step)}${step.kind === 'create' ? ` (${id})` : ''}`);
  });
  if (json) console.log(JSON.stringify(outcomeJson(outcome, plan.unchanged)));
  if (outcome.failed) throw failure(outcome, outcome.failed);
}

const named = (step: Step) => ({ kind: step.kind, name: step.name, ...('id' in step && { id: step.id }) });

const outcomeJson = ({ done, failed, notDone }: Outcome, unchanged: number) => ({
  unchanged,
  done: done.map(({ step, id }) => ({ ...named(step), id })),
  failed: failed ? { ...named(failed.step), error: messageOf(failed.error) } : null,
  notDone: notDone.map(named),
});

const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));

/** Makes an error that names the failed step and the steps not done. The exit code comes from the step's own error. */
function failure({ done, notDone }: Outcome, { step, error }: NonNullable<Outcome['failed']>): CommandError {
  const lines = [
    messageOf(error),
    `failed: ${step.kind} ${step.name}`,
    ...notDone.map(({ kind, name }) => `not done: ${kind} ${name}`),
    `${done.length} of ${done.length + 1 + notDone.length} changes were made; fix the error, then run apply again to continue`,
  ];
  return new CommandError(lines.join('\n'), error instanceof CommandError ? error.exitCode : EXIT.failed);
}
