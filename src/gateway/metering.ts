import { parseReportLine } from '../core/invoke/report-line.ts';
import { durationBucket, type Usage } from '../core/usage/usage.ts';
import type { CallRecord } from './call-record.ts';

/** What a call adds to its tenant's usage when it is sent, and not only at its end, because it may run for minutes. */
export const usageOfForwarding = ({ bytesIn = 0, uncounted }: CallRecord): Partial<Usage> => ({
  calls: 1,
  forwarded: 1,
  bytesIn,
  ...(uncounted && { servedUncounted: 1 }),
});

/** What a call adds to its tenant's usage when it ends: everything, or what was not added when it was sent. */
export function usageOf(record: CallRecord): Partial<Usage> {
  const {
    refusal,
    forwarded,
    started,
    functionError,
    status,
    bytesIn = 0,
    bytesOut = 0,
    durationMs = 0,
    billed,
  } = record;
  return {
    ...(!forwarded && { calls: 1 }),
    ...(refusal !== undefined && { refused: { [refusal]: 1 } }),
    // It was counted when it went out; no function started.
    ...(forwarded && started === 'no' && { forwarded: -1, bytesIn: -bytesIn }),
    ...(forwarded &&
      started !== 'no' && {
        bytesOut,
        durationMs,
        durations: durationBucket(durationMs),
        ...(functionError !== undefined && { functionErrors: 1 }),
        ...(status === 429 && refusal === undefined && { throttled: 1 }),
        ...(billed && { metered: 1, billedMs: billed.billedMs, billedMbMs: billed.billedMs * billed.memoryMb }),
      }),
  };
}

/** Reads what Lambda billed out of the tail of a log, as `X-Amz-Log-Result` has it. */
export function readBilled(logResult: string | null): CallRecord['billed'] {
  if (logResult === null) return undefined;
  try {
    return parseReportLine(atob(logResult));
  } catch {
    return undefined; // not base64: nothing of it is known
  }
}
