import type { Denial, LeaseRequest } from '../../core/quota/lease-protocol.ts';
import { type Answered, advanceLedger, answerRequest, type Swept } from '../../core/quota/ledger.ts';
import {
  createLedger,
  type HolderState,
  type LedgerState,
  restoreLedger,
  type StoredLedger,
} from '../../core/quota/ledger-state.ts';
import type { LimitsDocument } from '../../core/quota/limits.ts';
import type { UsageStore } from './usage-store.ts';

/** The request of an isolate that holds no lease and wants one call, with or without a slot. */
const askForOne = (bytes: number, slots: number): LeaseRequest => ({
  holder: 'foresight',
  seq: 1,
  reports: [],
  batches: [],
  keepSlots: 0,
  inFlight: 0,
  arrived: 1,
  wanted: { calls: 1, bytes, slots },
  waiting: { calls: 1, bytes },
});

/** Keeps the ledger in the object's memory. Stores each change in the database before any isolate learns of it. */
export class LedgerStore {
  readonly #storage: DurableObjectStorage;
  readonly #usage: UsageStore;
  readonly #now: () => number;
  #state: LedgerState | undefined;

  constructor(storage: DurableObjectStorage, usage: UsageStore, now: () => number) {
    this.#storage = storage;
    this.#usage = usage;
    this.#now = now;
  }

  /** Answers an isolate's request and stores the usage that the request reports, in one transaction. */
  ask(limits: LimitsDocument, ask: LeaseRequest): Answered['response'] {
    const { response } = this.#change(
      (ledger) => {
        const outcome = answerRequest(ledger, limits, ask, this.#now());
        this.#usage.add('', { ledgerCalls: 1 });
        for (const { use } of outcome.counted) {
          for (const [functionName, more] of use) this.#usage.add(functionName, more);
        }
        this.#usage.write();
        return outcome;
      },
      [ask.holder],
    );
    return response;
  }

  /** Advances the ledger to the current time, writes off expired calls and releases expired slots. */
  advance(limits: LimitsDocument): void {
    this.#change((ledger) => advanceLedger(ledger, limits, this.#now()), []);
  }

  /** The current ledger, and the number of calls due to be written off. Writes nothing. */
  read(limits: LimitsDocument): { readonly ledger: LedgerState; readonly writtenOff: number } {
    const ledger = this.#load(); // a separate copy, because the ledger in memory must equal the stored ledger
    const { writtenOff } = advanceLedger(ledger, limits, this.#now());
    return { ledger, writtenOff };
  }

  /** The limit that would refuse one more call with a payload of `bytes` bytes, if any. Changes nothing. */
  peekDenial(limits: LimitsDocument, bytes: number): Denial | undefined {
    return this.#peek(limits, askForOne(bytes, 1));
  }

  /** The limit that would refuse to charge a caller's mistake to the rate, if any. A mistake uses no bytes and no slot. */
  peekMistakeDenial(limits: LimitsDocument): Denial | undefined {
    return limits.rate && this.#peek(limits, askForOne(0, 0));
  }

  clear(): void {
    const { sql } = this.#storage;
    this.#state = undefined;
    this.#usage.forget();
    sql.exec('DELETE FROM ledger');
    sql.exec('DELETE FROM holder');
  }

  /** Changes the ledger in one transaction. If the change cannot be stored, the memory returns to the stored state. */
  #change<T extends Swept>(run: (ledger: LedgerState) => T, changed: readonly string[]): T {
    try {
      return this.#storage.transactionSync(() => {
        this.#state ??= this.#load();
        const outcome = run(this.#state);
        this.#save(this.#state, [...changed, ...outcome.holders]);
        if (outcome.writtenOff > 0) {
          this.#usage.add('', { unsettled: outcome.writtenOff });
          this.#usage.write();
        }
        return outcome;
      });
    } catch (error) {
      this.#state = undefined;
      this.#usage.forget();
      throw error;
    }
  }

  #peek(limits: LimitsDocument, request: LeaseRequest): Denial | undefined {
    const copy = structuredClone(this.#state ?? this.#load());
    return answerRequest(copy, limits, request, this.#now()).response.no;
  }

  #load(): LedgerState {
    const { sql } = this.#storage;
    const [row] = sql.exec<{ state: string }>('SELECT state FROM ledger').toArray();
    if (!row) return createLedger(this.#now());
    const holders = sql
      .exec<{ id: string; state: string }>('SELECT id, state FROM holder')
      .toArray()
      .map(({ id, state: json }) => [id, JSON.parse(json) as HolderState] as const);
    return restoreLedger(JSON.parse(row.state) as StoredLedger, new Map(holders));
  }

  #save({ atMs, level, demand, windows, holders }: LedgerState, changed: readonly string[]): void {
    const { sql } = this.#storage;
    const stored: StoredLedger = { atMs, level, demand, windows };
    sql.exec('INSERT OR REPLACE INTO ledger (only, state) VALUES (1, ?)', JSON.stringify(stored));
    for (const id of new Set(changed)) {
      const holder = holders.get(id);
      if (!holder) {
        sql.exec('DELETE FROM holder WHERE id = ?', id);
        continue;
      }
      sql.exec('INSERT OR REPLACE INTO holder (id, state) VALUES (?, ?)', id, JSON.stringify(holder));
    }
  }
}
