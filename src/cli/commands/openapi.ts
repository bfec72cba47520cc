import type { Command } from 'commander';
import { type OperatorFlags, withConnection } from '../operator/connection.ts';
import { openOperator } from '../operator/open-operator.ts';

/** Adds `postern openapi`, which prints the gateway's own description of its admin API. */
export function openapiCommand(program: Command): void {
  withConnection(program.command('openapi'))
    .description("print the OpenAPI document of the gateway's admin API")
    .option('--json', 'print the JSON on one line')
    .addHelpText(
      'after',
      "\nExamples:\n  $ postern openapi > postern-admin.json\n  $ postern openapi --json | jq '.paths | keys'",
    )
    .action(async (flags: OperatorFlags) => {
      const document = await (await openOperator(flags)).describe();
      console.log(JSON.stringify(document, null, flags.json ? 0 : 2));
    });
}
