import { CommandError } from '../terminal/exit.ts';

/** The system's codes for failures before anything could be sent. */
const NOTHING_SENT: ReadonlySet<string> = new Set([
  'ECONNREFUSED',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EHOSTUNREACH',
  'ENETUNREACH',
]);

/** The error for a request that got no answer. It warns that a change may have been made anyway. */
export function unreachable(url: string, error: unknown, isChange: boolean): CommandError {
  const why = whyUnreachable(error);
  const after =
    isChange && !NOTHING_SENT.has(why) ? ' The change may have been made anyway: check before you repeat it.' : '';
  return new CommandError(`${url} gave no answer (${why}): check the address, and that the gateway runs.${after}`);
}

/** Why no answer came, by the code that the system gives; `fetch` itself says only that it failed. */
export function whyUnreachable(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  if (error.name === 'TimeoutError') return 'timed out';
  const cause = (error.cause ?? error) as NodeJS.ErrnoException;
  return cause.code ?? cause.message;
}
