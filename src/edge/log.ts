/** Writes one line of JSON to the log. All rooms except the CLI and the emulator use it. */
export const writeLog = (line: object): void => console.log(JSON.stringify(line));

/** Returns an error as text for the log, with its stack if it has one. */
export const stackOf = (error: unknown): string =>
  error instanceof Error ? (error.stack ?? error.message) : String(error);

/** Logs an unexpected error. The caller learns only the request id; the log has the cause under that id. */
export function logUnexpected(error: unknown, requestId: string): void {
  writeLog({ level: 'error', requestId, error: stackOf(error) });
}
