import { describe, expect, it } from 'vitest';
import { parseReportLine } from '../../src/core/invoke/report-line.ts';
import { addUsage, emptyUsage } from '../../src/core/usage/usage.ts';
import type { CallRecord } from '../../src/gateway/call-record.ts';
import { readBilled, usageOf, usageOfForwarding } from '../../src/gateway/metering.ts';

const report = (billed: number, memory: number, more = '') =>
  `REPORT RequestId: 6f1f\tDuration: 12.34 ms\tBilled Duration: ${billed} ms\tMemory Size: ${memory} MB\tMax Memory Used: 70 MB\t${more}\n`;

describe('parseReportLine', () => {
  it.each([
    ['a warm start', report(13, 128), { billedMs: 13, memoryMb: 128 }],
    ['a cold start', report(400, 1024, 'Init Duration: 387.10 ms\t'), { billedMs: 400, memoryMb: 1024 }],
    [
      'the end of a long log',
      `half a line\nINFO hello\nEND RequestId: 6f1f\n${report(1, 10_240)}`,
      { billedMs: 1, memoryMb: 10_240 },
    ],
    [
      "Lambda's own line behind one that the function wrote",
      report(999_999, 1) + report(2, 256),
      { billedMs: 2, memoryMb: 256 },
    ],
  ])('reads %s', (_, log, billed) => {
    expect(parseReportLine(log)).toEqual(billed);
  });

  it.each(['', 'START RequestId: 6f1f', 'REPORT RequestId: 6f1f\tDuration: 1 ms', `INFO ${report(1, 1)}`])(
    'finds none in %j',
    (log) => {
      expect(parseReportLine(log)).toBeUndefined();
    },
  );
});

describe('readBilled', () => {
  it('reads the tail of a log, and nothing that is not one', () => {
    expect(readBilled(btoa(report(5, 512)))).toEqual({ billedMs: 5, memoryMb: 512 });
    expect(readBilled(null)).toBeUndefined();
    expect(readBilled('not base64!')).toBeUndefined();
  });
});

describe('usageOf', () => {
  const record = (more: Partial<CallRecord>): CallRecord => ({ at: '', requestId: 'id', durationMs: 80, ...more });

  it('counts a call that goes out at once, and what became of it when it has ended', () => {
    const sent = record({ forwarded: true, status: 200, bytesIn: 3, bytesOut: 40 });
    expect(usageOfForwarding(sent)).toEqual({ calls: 1, forwarded: 1, bytesIn: 3 });
    expect(usageOf(sent)).toEqual({ bytesOut: 40, durationMs: 80, durations: [0, 0, 0, 0, 1] });
    expect(usageOfForwarding({ ...sent, uncounted: true }).servedUncounted).toBe(1);
  });

  it('counts a refusal by its reason, and none of its bytes', () => {
    const use = usageOf(record({ refusal: 'limit-rate', status: 429, bytesIn: 3 }));
    expect(use).toEqual({ calls: 1, refused: { 'limit-rate': 1 } });
  });

  it('counts what went out and came to nothing as both', () => {
    const use = usageOf(record({ forwarded: true, refusal: 'upstream-timeout', status: 504, durationMs: 999_000 }));
    expect(use).toMatchObject({ durationMs: 999_000, refused: { 'upstream-timeout': 1 } });
  });

  it('A5: takes back what it counted of a call that certainly did not start', () => {
    const use = usageOf(
      record({ forwarded: true, refusal: 'upstream-unreachable', started: 'no', status: 502, bytesIn: 3 }),
    );
    expect(use).toEqual({ forwarded: -1, bytesIn: -3, refused: { 'upstream-unreachable': 1 } });
  });

  it('tells errors of the function, throttles of Lambda and metered calls apart', () => {
    expect(usageOf(record({ forwarded: true, status: 200, functionError: 'Unhandled' })).functionErrors).toBe(1);
    expect(usageOf(record({ forwarded: true, status: 429 })).throttled).toBe(1);
    const billed = { billedMs: 200, memoryMb: 512 };
    expect(usageOf(record({ forwarded: true, status: 200, billed }))).toMatchObject({
      metered: 1,
      billedMs: 200,
      billedMbMs: 102_400,
    });
  });

  it('counts every figure except those of leases', () => {
    const calls = [
      record({ forwarded: true, uncounted: true, status: 429, bytesIn: 1, bytesOut: 1 }),
      record({ forwarded: true, status: 200, functionError: 'Unhandled', billed: { billedMs: 1, memoryMb: 1 } }),
      record({ refusal: 'limit-rate' }),
    ];
    const total = emptyUsage();
    for (const call of calls) {
      if (call.forwarded) addUsage(total, usageOfForwarding(call));
      addUsage(total, usageOf(call));
    }
    const isCounted = (figure: unknown) =>
      typeof figure === 'number' ? figure > 0 : Object.keys(figure ?? {}).length > 0;
    const uncounted = Object.entries(total).filter(([, figure]) => !isCounted(figure));
    // These are in test/story/accounting.test.ts and test/state/ledger.test.ts.
    expect(uncounted.map(([name]) => name)).toEqual(['unproved', 'unsettled', 'ledgerCalls']);
  });
});
