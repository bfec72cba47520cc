import type { Command } from 'commander';
import { fileJsonSchema } from '../declare/file.ts';

/** Adds `postern schema`: what editors check and complete `postern.yaml` by. */
export function schemaCommand(program: Command): void {
  program
    .command('schema')
    .description('print the JSON schema of postern.yaml')
    .option('--json', 'it is JSON in any case')
    .addHelpText(
      'after',
      `
Examples:
  $ postern schema > postern.schema.json
  then let postern.yaml begin with: # yaml-language-server: $schema=./postern.schema.json`,
    )
    .action(() => console.log(JSON.stringify(fileJsonSchema(), null, 2)));
}
