/** The result of one check. */
export interface Finding {
  readonly check: string;
  readonly status: 'ok' | 'warn' | 'fail' | 'skipped';
  /** What the check found. Never contains a secret. */
  readonly message: string;
  /** How to fix the fault. */
  readonly fix?: string;
}

/** Makes the findings of one check. */
export const findingsOf = (check: string) => ({
  ok: (message: string): Finding => ({ check, status: 'ok', message }),
  warn: (message: string, fix: string): Finding => ({ check, status: 'warn', message, fix }),
  fail: (message: string, fix: string): Finding => ({ check, status: 'fail', message, fix }),
  skipped: (message: string, fix: string): Finding => ({ check, status: 'skipped', message, fix }),
});

const WARN_SKEW_MS = 30_000;
/** AWS refuses a signature whose time differs from the AWS clock by more than this many milliseconds. */
const MAX_SKEW_MS = 300_000;

/** Judges the difference between this machine's clock and the clock of the server that answered. */
export function judgeClock(check: string, date: string | null, nowMs: number): Finding {
  const { ok, warn, fail, skipped } = findingsOf(check);
  const skewMs = Date.parse(date ?? '') - nowMs;
  if (Number.isNaN(skewMs)) return skipped('the answer had no date', 'check whether a proxy answered');
  const skew = `this machine's clock is ${Math.round(Math.abs(skewMs) / 1_000)} seconds ${skewMs > 0 ? 'behind' : 'ahead of'} it`;
  if (Math.abs(skewMs) > MAX_SKEW_MS) return fail(skew, 'set the clock with NTP');
  if (Math.abs(skewMs) > WARN_SKEW_MS) return warn(skew, 'set the clock with NTP');
  return ok("this machine's clock agrees with it");
}
