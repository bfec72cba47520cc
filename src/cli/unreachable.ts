import { CommandError } from './exit.ts';

/** Codes of the system for what failed before anything could be sent. */
const NOTHING_SENT: ReadonlySet<string> = new Set([
  'ECONNREFUSED',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EHOSTUNREACH',
  'ENETUNREACH',
]);

/** What to say when no answer came. A change may have been made for all that, and that is said. */
export function unreachable(url: string, error: unknown, isChange: boolean): CommandError {
  const why = whyUnreachable(error);
  const after =
    isChange && !NOTHING_SENT.has(why) ? ' It may have been done all the same: look before you repeat it.' : '';
  return new CommandError(`${url} gave no answer (${why}): is it the right address, and does it run?${after}`);
}

/** Why no answer came, by the code that the system gives; `fetch` itself says only that it failed. */
export function whyUnreachable(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  if (error.name === 'TimeoutError') return 'timed out';
  const cause = (error.cause ?? error) as NodeJS.ErrnoException;
  return cause.code ?? cause.message;
}
