import type { Command } from 'commander';
import { readPlan } from '../declare/read-plan.ts';
import { showPlan } from '../declare/show-plan.ts';
import { type OperatorFlags, withConnection } from '../operator/connection.ts';
import { openOperator } from '../operator/open-operator.ts';
import { EXIT } from '../terminal/exit.ts';

interface DiffFlags extends OperatorFlags {
  readonly file: string;
  readonly prune?: boolean;
}

/** Adds `postern diff`, which shows the changes that `apply` would make. */
export function diffCommand(program: Command): void {
  withConnection(program.command('diff'))
    .description('show the changes that apply would make; the exit code is 5 if there are any')
    .requiredOption('-f, --file <path>', 'postern.yaml; - is standard input')
    .option('--prune', 'also show the tenants that apply --prune would delete')
    .option('--json', 'print the plan as JSON')
    .addHelpText(
      'after',
      `
Examples:
  $ postern diff -f postern.yaml
  $ postern export | postern diff -f -
  $ postern diff -f postern.yaml --prune --json`,
    )
    .action(diff);
}

async function diff(flags: DiffFlags): Promise<void> {
  const plan = await readPlan(() => openOperator(flags), flags.file, flags.prune ?? false);
  console.log(flags.json ? JSON.stringify(plan) : showPlan(plan));
  if (plan.steps.length > 0) process.exitCode = EXIT.different;
}
