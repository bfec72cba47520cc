/** Lambda's bill for one run of a function. */
export interface Billed {
  readonly billedMs: number;
  readonly memoryMb: number;
}

const REPORT = /^REPORT RequestId: .*?\tBilled Duration: (\d+) ms\s.*?\bMemory Size: (\d+) MB\b/gm;

/**
 * Finds the `REPORT` line at the end of a run's log, in the log's tail. A function may write a line that looks the same, so
 * the last match counts: Lambda writes its line after all lines of the function (Lambda guide, "Monitoring: log format").
 */
export function parseReportLine(log: string): Billed | undefined {
  const [, billedMs, memoryMb] = [...log.matchAll(REPORT)].at(-1) ?? [];
  return billedMs === undefined ? undefined : { billedMs: Number(billedMs), memoryMb: Number(memoryMb) };
}
