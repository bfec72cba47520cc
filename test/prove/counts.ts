/** What a step found: tests, cases or checks, each counted once. */
export interface Counts {
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
}

/** What a step's command left behind when it ended. */
export interface Ended {
  /** The exit code; null after a signal. */
  readonly code: number | null;
  /** The end of what it wrote, both streams together. */
  readonly tail: string;
  /** Vitest's JSON report, where the step has one. */
  readonly report?: string;
}

/**
 * Where a step's counts are read: `exit` (one check, by its exit code), `vitest` (the JSON report), or `closing-line` (the
 * last "N passed, N failed[, N skipped]" that it printed).
 */
export type CountsFrom = 'exit' | 'vitest' | 'closing-line';

interface VitestReport {
  readonly numPassedTests: number;
  readonly numFailedTests: number;
  readonly numPendingTests: number;
  readonly numTodoTests: number;
  readonly testResults: readonly {
    /** The file. */
    readonly name: string;
    readonly status: string;
    readonly assertionResults: readonly { readonly status: string; readonly fullName: string }[];
  }[];
}

const CLOSING_LINE = /(\d+) passed, (\d+) failed(?:, (\d+) skipped)?/g;
const ONE_FAILED: Counts = { passed: 0, failed: 1, skipped: 0 };

/**
 * Counts what a step found. A command that ended badly without naming a failure, or that counted nothing at all, has
 * failed once: silence is never a pass.
 */
export function readCounts(from: CountsFrom, ended: Ended): Counts {
  if (from === 'exit') return ended.code === 0 ? { passed: 1, failed: 0, skipped: 0 } : ONE_FAILED;
  const counts = from === 'vitest' ? countsOfReport(ended.report) : countsOfClosingLine(ended.tail);
  if (counts === undefined || counts.passed + counts.failed + counts.skipped === 0) return ONE_FAILED;
  return ended.code === 0 || counts.failed > 0 ? counts : { ...counts, failed: 1 };
}

function countsOfReport(text: string | undefined): Counts | undefined {
  if (text === undefined) return undefined;
  const report = JSON.parse(text) as VitestReport;
  // A file that does not load has no tests to count.
  const broken = report.testResults.filter(
    ({ status, assertionResults }) => status === 'failed' && !assertionResults.some((one) => one.status === 'failed'),
  );
  return {
    passed: report.numPassedTests,
    failed: report.numFailedTests + broken.length,
    skipped: report.numPendingTests + report.numTodoTests,
  };
}

/** The tests of a report that did not pass, a line each; none without a report. */
export function namesOf(report: string | undefined): string[] {
  if (report === undefined) return [];
  return (JSON.parse(report) as VitestReport).testResults.flatMap(({ name, assertionResults }) =>
    assertionResults
      .filter(({ status }) => status !== 'passed')
      .map(({ status, fullName }) => `${status}: ${name} > ${fullName}`),
  );
}

function countsOfClosingLine(tail: string): Counts | undefined {
  const last = [...tail.matchAll(CLOSING_LINE)].at(-1);
  if (last === undefined) return undefined;
  const [, passed, failed, skipped = 0] = last;
  return { passed: Number(passed), failed: Number(failed), skipped: Number(skipped) };
}

/** The counts of all steps together. */
export const sum = (all: readonly Counts[]): Counts => ({
  passed: all.reduce((total, { passed }) => total + passed, 0),
  failed: all.reduce((total, { failed }) => total + failed, 0),
  skipped: all.reduce((total, { skipped }) => total + skipped, 0),
});
