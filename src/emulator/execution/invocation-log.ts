/** The log of one invocation. Prints every line, and keeps the last 4096 bytes for `LogType: Tail`. */
export interface InvocationLog {
  write(text: string): void;
  /** Writes Lambda's END and REPORT lines. */
  close(figures: { durationMs: number; memoryMb: number; heapMb: number }): void;
  /** The last 4096 bytes in base64, for `X-Amz-Log-Result`. */
  tail(): string;
}

/** The size of a log's tail (API_Invoke: "the last 4 KB of the execution log"). */
const tailBytes = 4096;

/** Starts a log with Lambda's START line. */
export function startLog(requestId: string, version: string, print: (line: string) => void): InvocationLog {
  let kept = '';
  const write = (text: string) => {
    // A character is at least one byte, so the last 4096 characters hold the last 4096 bytes.
    kept = (kept + text).slice(-tailBytes);
    for (const line of text.replace(/\n$/, '').split('\n')) print(line);
  };
  write(`START RequestId: ${requestId} Version: ${version}\n`);
  return {
    write,
    close({ durationMs, memoryMb, heapMb }) {
      write(`END RequestId: ${requestId}\n`);
      const figures = [
        `REPORT RequestId: ${requestId}`,
        `Duration: ${durationMs.toFixed(2)} ms`,
        `Billed Duration: ${Math.ceil(durationMs)} ms`,
        `Memory Size: ${memoryMb} MB`,
        `Max Memory Used: ${heapMb} MB`,
      ];
      write(`${figures.join('\t')}\t\n`);
    },
    tail: () => Buffer.from(kept).subarray(-tailBytes).toString('base64'),
  };
}
