import type { Environment, PassChunk } from './environment.ts';
import { memoryMb } from './environment-variables.ts';
import { startLog } from './invocation-log.ts';
import type { ErrorDocument, Invocation } from './protocol.ts';

/** The end of a call's execution: an error or a result. `bytes` is null after an error or a stream. */
export interface Completion {
  readonly error: ErrorDocument | undefined;
  readonly bytes: Uint8Array | null;
  /** The last 4096 bytes of the log, in base64. */
  readonly logTail: string;
}

/** Runs one event in an environment. Adds the START, END and REPORT lines of Lambda to the event's log. */
export async function execute(
  environment: Environment,
  invocation: Invocation,
  passChunk: PassChunk,
  print: (line: string) => void,
): Promise<Completion> {
  const { requestId } = invocation;
  const log = startLog(requestId, environment.target.version, print);
  const startedAt = performance.now();
  const { error, bytes, heapMb } = await environment.run(invocation, { log: log.write, chunk: passChunk });
  if (error && !('trace' in error)) log.write(`${new Date().toISOString()} ${requestId} ${error.errorMessage}\n`);
  log.close({ durationMs: performance.now() - startedAt, memoryMb, heapMb });
  return { error, bytes, logTail: log.tail() };
}
