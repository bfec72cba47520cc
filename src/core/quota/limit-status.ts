import { windowEnd, windowStart } from './calendar.ts';
import type { LimitStatus } from './lease-protocol.ts';
import { capacityOf, type LedgerState, leftOf } from './ledger-state.ts';
import { type LimitsDocument, quotasOf } from './limits.ts';

/** Returns the status of each limit, most urgent first: rate, concurrency, then the quotas by period, shortest first. */
export function limitStatuses(state: LedgerState, limits: LimitsDocument): LimitStatus[] {
  const { rate, concurrency } = limits;
  const statuses: LimitStatus[] = [];
  if (rate) {
    const level = state.level ?? capacityOf(rate);
    statuses.push({
      limit: 'rate',
      quota: rate.burst,
      remaining: Math.max(0, Math.min(rate.burst, Math.floor(level))),
      windowMs: Math.ceil((rate.burst * 1_000) / rate.perSecond),
      resetMs: Math.max(0, Math.ceil(((rate.burst - level) * 1_000) / rate.perSecond)),
    });
  }
  if (concurrency !== undefined) {
    statuses.push({ limit: 'concurrency', quota: concurrency, remaining: Math.max(0, concurrency - state.slots) });
  }
  for (const quota of quotasOf(limits)) {
    const startMs = windowStart(quota.period, state.atMs);
    const endMs = windowEnd(quota.period, state.atMs);
    statuses.push({
      limit: quota.limit,
      quota: quota.amount,
      remaining: Math.max(0, leftOf(state, quota)),
      windowMs: endMs - startMs,
      resetMs: endMs - state.atMs,
    });
  }
  return statuses;
}
