import { CommandError } from '../terminal/exit.ts';

/** System error codes for failures that happen before anything is sent. */
const NOTHING_SENT: ReadonlySet<string> = new Set([
  'ECONNREFUSED',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EHOSTUNREACH',
  'ENETUNREACH',
]);

/** Creates the error for a request that got no answer. The message warns if a change may have been made anyway. */
export function unreachable(url: string, error: unknown, isChange: boolean): CommandError {
  const why = whyUnreachable(error);
  const after =
    isChange && !NOTHING_SENT.has(why) ? ' The change may have been made anyway: check before you repeat it.' : '';
  return new CommandError(`${url} gave no answer (${why}): check the address, and that the gateway runs.${after}`);
}

/** Returns why no answer came, as the system's error code if there is one. The message of `fetch` gives no reason. */
export function whyUnreachable(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  if (error.name === 'TimeoutError') return 'timed out';
  const cause = (error.cause ?? error) as NodeJS.ErrnoException;
  return cause.code ?? cause.message;
}
