import { DAY_MS } from '../../core/quota/calendar.ts';
import type { UsageStep } from '../../core/usage/steps.ts';
import { addUsageOf, emptyUsage, type Usage, type UsageByFunction } from '../../core/usage/usage.ts';

export const STEP_MS: Readonly<Record<UsageStep, number>> = { minute: 60_000, hour: 3_600_000, day: DAY_MS };
/** Milliseconds that usage is kept, by step. */
export const KEPT_MS: Readonly<Record<UsageStep, number>> = { minute: 2 * DAY_MS, hour: 90 * DAY_MS, day: 90 * DAY_MS };

const startOf = (step: UsageStep, ms: number) => Math.floor(ms / STEP_MS[step]) * STEP_MS[step];

/** Usage in one minute, hour or day. */
export interface UsedStep {
  readonly atMs: number;
  readonly functions: UsageByFunction;
}

type Row = { at_ms: number; function: string; use: string };

/** Usage of the current minute. `changed` names the functions whose usage is not stored yet. */
interface Minute {
  readonly atMs: number;
  readonly functions: UsageByFunction;
  readonly changed: Set<string>;
}

/** A tenant's usage. Reported usage is stored by the minute, and rolled up to hours and days once they are over. */
export class UsageStore {
  readonly #sql: SqlStorage;
  readonly #now: () => number;
  #minute: Minute | undefined;

  constructor(sql: SqlStorage, now: () => number) {
    this.#sql = sql;
    this.#now = now;
  }

  /** Adds usage to the current minute, in memory only. `write` stores the usage. */
  add(functionName: string, use: Partial<Usage>): void {
    const { functions, changed } = this.#currentMinute();
    changed.add(addUsageOf(functions, functionName, use));
  }

  write(): void {
    if (!this.#minute) return;
    const { atMs, functions, changed } = this.#minute;
    for (const name of changed) this.#put('minute', atMs, name, functions.get(name) ?? emptyUsage());
    changed.clear();
    this.#rollUpFrom(atMs);
  }

  /** Stores pending usage, and rolls up the hours and days that are over. */
  rollUp(): void {
    const nowMs = this.#currentMinute().atMs;
    this.write();
    this.#rollUpFrom(nowMs);
  }

  /** Stored usage from `fromMs` up to, but not including, `toMs`. Oldest step first. Leaves out steps without usage. */
  read(step: UsageStep, fromMs: number, toMs: number): UsedStep[] {
    // Usage that is not yet rolled up is only in the finer steps.
    const parts = [...this.#rows(step, fromMs, toMs)];
    if (step === 'day') parts.push(...this.#rows('hour', Math.max(fromMs, this.#rolledUpUntil('day')), toMs));
    if (step !== 'minute') parts.push(...this.#rows('minute', Math.max(fromMs, this.#rolledUpUntil('hour')), toMs));
    return collect(step, parts);
  }

  /** Discards usage that was added but not stored. */
  forget(): void {
    this.#minute = undefined;
  }

  clear(): void {
    this.forget();
    this.#sql.exec('DELETE FROM use');
    this.#sql.exec('DELETE FROM rolled_up');
  }

  #currentMinute(): Minute {
    const atMs = startOf('minute', this.#now());
    if (this.#minute?.atMs === atMs) return this.#minute;
    if (this.#minute && this.#minute.changed.size > 0) this.write();
    const functions: UsageByFunction = new Map();
    for (const row of this.#rows('minute', atMs, atMs + STEP_MS.minute)) {
      functions.set(row.function, JSON.parse(row.use) as Usage);
    }
    this.#minute = { atMs, functions, changed: new Set() };
    return this.#minute;
  }

  #rollUpFrom(nowMs: number): void {
    this.#rollUp('minute', 'hour', nowMs);
    this.#rollUp('hour', 'day', nowMs);
  }

  /** Rolls up `finer` steps into each `coarser` step that is over. Deletes both kinds of steps once older than `KEPT_MS`. */
  #rollUp(finer: UsageStep, coarser: UsageStep, nowMs: number): void {
    const untilMs = startOf(coarser, nowMs);
    const doneMs = this.#rolledUpUntil(coarser);
    if (doneMs >= untilMs) return;
    for (const { atMs, functions } of collect(coarser, this.#rows(finer, doneMs, untilMs))) {
      for (const [name, use] of functions) this.#put(coarser, atMs, name, use);
    }
    this.#sql.exec('INSERT OR REPLACE INTO rolled_up (step, until_ms) VALUES (?, ?)', coarser, untilMs);
    for (const step of [finer, coarser]) {
      this.#sql.exec('DELETE FROM use WHERE step = ? AND at_ms < ?', step, nowMs - KEPT_MS[step]);
    }
  }

  #rolledUpUntil(step: UsageStep): number {
    const rows = this.#sql.exec<{ until_ms: number }>('SELECT until_ms FROM rolled_up WHERE step = ?', step).toArray();
    return rows[0]?.until_ms ?? 0;
  }

  #rows(step: UsageStep, fromMs: number, toMs: number): SqlStorageCursor<Row> {
    return this.#sql.exec<Row>(
      'SELECT at_ms, function, use FROM use WHERE step = ? AND at_ms >= ? AND at_ms < ? ORDER BY at_ms',
      step,
      fromMs,
      toMs,
    );
  }

  #put(step: UsageStep, atMs: number, functionName: string, use: Usage): void {
    this.#sql.exec(
      'INSERT OR REPLACE INTO use (step, at_ms, function, use) VALUES (?, ?, ?, ?)',
      step,
      atMs,
      functionName,
      JSON.stringify(use),
    );
  }
}

/** Sums the rows of each step. */
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
