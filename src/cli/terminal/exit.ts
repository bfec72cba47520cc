/** Exit codes of commands, for scripts. */
export const EXIT = { ok: 0, failed: 1, usage: 2, notFound: 3, refused: 4, different: 5, conflict: 6 } as const;
export type ExitCode = (typeof EXIT)[keyof typeof EXIT];

/** Maps the HTTP status of a request to the exit code of the command, for calls and for the admin API. */
export const EXIT_OF_STATUS: Readonly<Record<number, ExitCode>> = {
  400: EXIT.usage,
  403: EXIT.refused,
  404: EXIT.notFound,
  413: EXIT.usage,
  415: EXIT.usage,
};

/** Printed under every command's `--help`. */
export const EXIT_HELP = `
Exit codes:
  0  done
  1  the command failed, or the function did
  2  a mistake in the command, a setting or a file
  3  not found
  4  refused: the token, the key, or the tenant's policy
  5  diff: the gateway differs from the file
  6  somebody else made a change first`;

/** An expected failure, with an exit code. The message tells the user how to fix the failure, and never holds a secret. */
export class CommandError extends Error {
  readonly exitCode: ExitCode;

  constructor(message: string, exitCode: ExitCode = EXIT.failed) {
    super(message);
    this.exitCode = exitCode;
  }
}

export const usageError = (message: string): CommandError => new CommandError(message, EXIT.usage);
