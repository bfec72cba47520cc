import { type Command, CommanderError } from 'commander';
import { CommandError, EXIT } from './exit.ts';
import { protectTerminal } from './terminal.ts';

/** Runs the command. If it fails, says why in one sentence and exits with the matching code. */
export async function run(program: Command): Promise<void> {
  protectTerminal(process.stdout);
  protectTerminal(process.stderr);
  // If the reader of our output stops early (`postern audit | head`), the command has not failed.
  process.stdout.on('error', (error: NodeJS.ErrnoException) => process.exit(error.code === 'EPIPE' ? 0 : EXIT.failed));
  try {
    await program.parseAsync();
  } catch (error) {
    // The parser has already printed the error. `--help` also ends here, with exit code 0.
    if (error instanceof CommanderError) process.exit(error.exitCode === 0 ? EXIT.ok : EXIT.usage);
    console.error(`postern: ${error instanceof Error ? error.message : String(error)}`);
    process.exit(error instanceof CommandError ? error.exitCode : EXIT.failed);
  }
}
