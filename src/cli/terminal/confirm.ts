import { createInterface } from 'node:readline/promises';
import { usageError } from './exit.ts';

/** Asks the user to confirm an action that cannot be undone. Without a terminal, only `--yes` confirms. */
export async function confirm(what: string, yes: boolean | undefined): Promise<void> {
  if (yes) return;
  if (!process.stdin.isTTY) throw usageError(`this would ${what}; confirm it with --yes`);
  const prompt = createInterface({ input: process.stdin, output: process.stderr, terminal: false });
  const answer = await prompt.question(`This will ${what}. Type yes: `);
  prompt.close();
  if (answer.trim() !== 'yes') throw usageError('not confirmed; nothing was done');
}
