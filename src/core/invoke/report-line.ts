/** What Lambda billed for one run of a function. */
export interface Billed {
  readonly billedMs: number;
  readonly memoryMb: number;
}

const REPORT = /^REPORT RequestId: .*?\tBilled Duration: (\d+) ms\s.*?\bMemory Size: (\d+) MB\b/gm;

/**
 * Finds the `REPORT` line that ends a run's log, in the tail of it. A function may write a line that looks like it, so
 * the last one counts: Lambda's own comes after all of the function's (Lambda guide, "Monitoring: log format").
 */
export function parseReportLine(log: string): Billed | undefined {
  const [, billedMs, memoryMb] = [...log.matchAll(REPORT)].at(-1) ?? [];
  return billedMs === undefined ? undefined : { billedMs: Number(billedMs), memoryMb: Number(memoryMb) };
}
