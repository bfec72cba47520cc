import { CommandError } from '../terminal/exit.ts';

/** The system's codes for failures before anything could be sent. */
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
    isChange && !NOTHING_SENT.has(why)
      ? ' The change may have been made all the same: check before you repeat it.'
      : '';
  return new CommandError(`${url} gave no answer (${why}): check the address, and that the gateway runs.${after}`);
}

/** Why no answer came, by the code that the system gives; `fetch` itself says only that it failed. */
export function whyUnreachable(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  if (error.name === 'TimeoutError') return 'timed out';
  const cause = (error.cause ?? error) as NodeJS.ErrnoException;
  return cause.code ?? cause.message;
}
