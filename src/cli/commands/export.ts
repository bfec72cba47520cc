import type { Command } from 'commander';
import { stringify } from 'yaml';
import { TENANT_OPERATIONS } from '../../admin/tenants/operations.ts';
import { readTenants } from '../declare/read-tenants.ts';
import { type OperatorFlags, withConnection } from '../operator/connection.ts';
import { openOperator } from '../operator/open-operator.ts';
import { usageError } from '../terminal/exit.ts';

interface ExportFlags extends OperatorFlags {
  readonly ids: boolean;
}

/** Adds `postern export`, which writes the gateway's tenants in the format of `postern.yaml`. */
export function exportCommand(program: Command): void {
  withConnection(program.command('export'))
    .description('write the tenants of the gateway as postern.yaml, without keys or other secrets')
    .option('--no-ids', 'leave out the ids, to create the same tenants in another gateway')
    .option('--json', 'write JSON, which is also valid YAML')
    .addHelpText(
      'after',
      `
Examples:
  $ postern export > postern.yaml
  $ postern export | postern diff -f -
  $ postern export --profile staging --no-ids | postern apply --profile production -f -`,
    )
    .action(write);
}

async function write(flags: ExportFlags): Promise<void> {
  const operator = await openOperator(flags);
  const tenants = await readTenants(operator, await operator.list(TENANT_OPERATIONS.listTenants, {}, 'tenants'));
  const twice = tenants.find(({ name }, index) => tenants.findIndex((other) => other.name === name) !== index);
  if (!flags.ids && twice)
    throw usageError(`several tenants are named ${twice.name}, so they need their ids: leave out --no-ids`);
  const file = {
    version: 1,
    tenants: tenants.map(({ id, document: { name, ...rest } }) => ({ ...(flags.ids && { id }), name, ...rest })),
  };
  // Write no YAML aliases: two tenants with equal policies today may have different policies tomorrow.
  console.log(flags.json ? JSON.stringify(file) : stringify(file, { aliasDuplicateObjects: false }).trimEnd());
}
