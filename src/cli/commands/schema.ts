import type { Command } from 'commander';
import { fileJsonSchema } from '../declare/file.ts';

/** Adds `postern schema`, which prints the JSON schema that editors use to check and complete `postern.yaml`. */
export function schemaCommand(program: Command): void {
  program
    .command('schema')
    .description('print the JSON schema of postern.yaml')
    .option('--json', 'no effect: the output is always JSON')
    .addHelpText(
      'after',
      `
Examples:
  $ postern schema > postern.schema.json
  Then begin postern.yaml with: # yaml-language-server: $schema=./postern.schema.json`,
    )
    .action(() => console.log(JSON.stringify(fileJsonSchema(), null, 2)));
}
