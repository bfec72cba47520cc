import { DAY_MS } from '../../core/quota/calendar.ts';
import type { UsageStep } from '../../core/usage/steps.ts';
import { addUsageOf, emptyUsage, type Usage, type UsageByFunction } from '../../core/usage/usage.ts';

export const STEP_MS: Readonly<Record<UsageStep, number>> = { minute: 60_000, hour: 3_600_000, day: DAY_MS };
/** How long use is kept at each step. */
export const KEPT_MS: Readonly<Record<UsageStep, number>> = { minute: 2 * DAY_MS, hour: 90 * DAY_MS, day: 90 * DAY_MS };

const startOf = (step: UsageStep, ms: number) => Math.floor(ms / STEP_MS[step]) * STEP_MS[step];

/** Use over one step of time. */
export interface UsedStep {
  readonly atMs: number;
  readonly functions: UsageByFunction;
}

/** A tenant's use: written by the minute, when it is reported, and rolled up to hours and days once those are over. */
export interface UsageStore {
  /** Adds use to the current minute; `write` stores it. */
  add(functionName: string, use: Partial<Usage>): void;
  write(): void;
  /** Adds up the hours and days that are over. */
  rollUp(): void;
  /** Use that was written, from one moment to before another, oldest first; steps without use are left out. */
  read(step: UsageStep, fromMs: number, toMs: number): UsedStep[];
  /** Forgets what was added and not written. */
  forget(): void;
  clear(): void;
}

type Row = { at_ms: number; function: string; use: string };

export function createUsageStore(sql: SqlStorage, now: () => number): UsageStore {
  let minute: { atMs: number; functions: UsageByFunction; changed: Set<string> } | undefined;

  const rows = (step: UsageStep, fromMs: number, toMs: number) =>
    sql.exec<Row>(
      'SELECT at_ms, function, use FROM use WHERE step = ? AND at_ms >= ? AND at_ms < ? ORDER BY at_ms',
      step,
      fromMs,
      toMs,
    );

  const put = (step: UsageStep, atMs: number, functionName: string, use: Usage) =>
    sql.exec(
      'INSERT OR REPLACE INTO use (step, at_ms, function, use) VALUES (?, ?, ?, ?)',
      step,
      atMs,
      functionName,
      JSON.stringify(use),
    );

  const currentMinute = () => {
    const atMs = startOf('minute', now());
    if (minute?.atMs !== atMs) {
      if (minute && minute.changed.size > 0) write();
      const functions: UsageByFunction = new Map();
      for (const row of rows('minute', atMs, atMs + STEP_MS.minute)) {
        functions.set(row.function, JSON.parse(row.use) as Usage);
      }
      minute = { atMs, functions, changed: new Set() };
    }
    return minute;
  };

  const write = () => {
    if (!minute) return;
    const { atMs, functions, changed } = minute;
    for (const name of changed) put('minute', atMs, name, functions.get(name) ?? emptyUsage());
    changed.clear();
    rollUp('minute', 'hour', atMs);
    rollUp('hour', 'day', atMs);
  };

  const rolledUpUntil = (step: UsageStep): number =>
    sql.exec<{ until_ms: number }>('SELECT until_ms FROM rolled_up WHERE step = ?', step).toArray()[0]?.until_ms ?? 0;

  /** Adds up the finer steps of those coarser ones that are over, and lets go of what is older than it is kept. */
  const rollUp = (finer: UsageStep, coarser: UsageStep, nowMs: number): void => {
    const untilMs = startOf(coarser, nowMs);
    const doneMs = rolledUpUntil(coarser);
    if (doneMs >= untilMs) return;
    for (const { atMs, functions } of collect(coarser, rows(finer, doneMs, untilMs))) {
      for (const [name, use] of functions) put(coarser, atMs, name, use);
    }
    sql.exec('INSERT OR REPLACE INTO rolled_up (step, until_ms) VALUES (?, ?)', coarser, untilMs);
    sql.exec('DELETE FROM use WHERE step = ? AND at_ms < ?', finer, nowMs - KEPT_MS[finer]);
    sql.exec('DELETE FROM use WHERE step = ? AND at_ms < ?', coarser, nowMs - KEPT_MS[coarser]);
  };

  return {
    add(functionName, use) {
      const { functions, changed } = currentMinute();
      changed.add(addUsageOf(functions, functionName, use));
    },
    write,
    rollUp() {
      const nowMs = currentMinute().atMs;
      write();
      rollUp('minute', 'hour', nowMs);
      rollUp('hour', 'day', nowMs);
    },
    read(step, fromMs, toMs) {
      // What is not yet rolled up stands in the finer steps.
      const parts = [...rows(step, fromMs, toMs)];
      if (step === 'day') parts.push(...rows('hour', Math.max(fromMs, rolledUpUntil('day')), toMs));
      if (step !== 'minute') parts.push(...rows('minute', Math.max(fromMs, rolledUpUntil('hour')), toMs));
      return collect(step, parts);
    },
    forget() {
      minute = undefined;
    },
    clear() {
      minute = undefined;
      sql.exec('DELETE FROM use');
      sql.exec('DELETE FROM rolled_up');
    },
  };
}

/** Adds up rows by the step that they fall into. */
function collect(step: UsageStep, rows: Iterable<Row>): UsedStep[] {
  const steps = new Map<number, UsageByFunction>();
  for (const row of rows) {
    const atMs = startOf(step, row.at_ms);
    let functions = steps.get(atMs);
    if (!functions) {
      functions = new Map();
      steps.set(atMs, functions);
    }
    addUsageOf(functions, row.function, JSON.parse(row.use) as Usage);
  }
  return [...steps].map(([atMs, functions]) => ({ atMs, functions }));
}
