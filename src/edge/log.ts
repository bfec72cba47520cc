/** Writes one line of JSON to the log. Every room but the CLI and the emulator writes its lines with it. */
export const writeLog = (line: object): void => console.log(JSON.stringify(line));

/** An error as a line of the log has it: with its stack, if it has one. */
export const stackOf = (error: unknown): string =>
  error instanceof Error ? (error.stack ?? error.message) : String(error);

/** Logs an error that nobody expected. The caller learns only the request id, under which the log has the cause. */
export function logUnexpected(error: unknown, requestId: string): void {
  writeLog({ level: 'error', requestId, error: stackOf(error) });
}
