import { parseReportLine } from '../core/invoke/report-line.ts';
import { durationBucket, type Usage } from '../core/usage/usage.ts';
import type { CallRecord } from './call-record.ts';

/** The usage to add to the tenant when a call is sent. The call may run for minutes, so its end would be too late. */
export const usageOfForwarding = ({ bytesIn = 0, uncounted }: CallRecord): Partial<Usage> => ({
  calls: 1,
  forwarded: 1,
  bytesIn,
  ...(uncounted && { servedUncounted: 1 }),
});

/** The usage to add to the tenant when a call ends, without the part that `usageOfForwarding` has already added. */
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
    // The call was counted when it was sent, but no function started.
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

/** Reads what Lambda billed from the log tail in `X-Amz-Log-Result`. Undefined if the tail does not show it. */
export function readBilled(logResult: string | null): CallRecord['billed'] {
  if (logResult === null) return undefined;
  try {
    return parseReportLine(atob(logResult));
  } catch {
    return undefined; // not base64, so the bill is unknown
  }
}
