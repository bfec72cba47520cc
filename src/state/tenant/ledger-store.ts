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

/** The ledger in an object's memory, and each change of it in its database before anybody hears of it. */
export interface LedgerStore {
  /** Answers an isolate's ask, in one transaction with the use that it reports. */
  ask(limits: LimitsDocument, ask: LeaseRequest): Answered['response'];
  /** Brings the ledger to now: what nobody can use any more is written off. */
  advance(limits: LimitsDocument): void;
  /** The ledger as it is now, and the calls that are still to be written off: by reading alone. */
  read(limits: LimitsDocument): { readonly ledger: LedgerState; readonly writtenOff: number };
  /** The limit that would refuse one more call with such a payload now, if any. Changes nothing. */
  peekDenial(limits: LimitsDocument, bytes: number): Denial | undefined;
  clear(): void;
}

/** An ask of an isolate that has nothing and wants one call. */
const askForOne = (bytes: number): LeaseRequest => ({
  holder: 'foresight',
  seq: 1,
  reports: [],
  batches: [],
  keepSlots: 0,
  inFlight: 0,
  arrived: 1,
  wanted: { calls: 1, bytes, slots: 1 },
  waiting: { calls: 1, bytes },
});

export function createLedgerStore(storage: DurableObjectStorage, usage: UsageStore, now: () => number): LedgerStore {
  const { sql } = storage;
  let state: LedgerState | undefined;

  const load = (): LedgerState => {
    const [row] = sql.exec<{ state: string }>('SELECT state FROM ledger').toArray();
    if (!row) return createLedger(now());
    const holders = sql
      .exec<{ id: string; state: string }>('SELECT id, state FROM holder')
      .toArray()
      .map(({ id, state: json }) => [id, JSON.parse(json) as HolderState] as const);
    return restoreLedger(JSON.parse(row.state) as StoredLedger, new Map(holders));
  };

  const save = ({ atMs, level, demand, windows, holders }: LedgerState, changed: readonly string[]): void => {
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
  };

  /** Runs one change of the ledger as one transaction. What could not be stored has not happened, in memory neither. */
  const change = <T extends Swept>(run: (ledger: LedgerState) => T, changed: readonly string[]): T => {
    try {
      return storage.transactionSync(() => {
        state ??= load();
        const outcome = run(state);
        save(state, [...changed, ...outcome.holders]);
        if (outcome.writtenOff > 0) {
          usage.add('', { unsettled: outcome.writtenOff });
          usage.write();
        }
        return outcome;
      });
    } catch (error) {
      state = undefined;
      usage.forget();
      throw error;
    }
  };

  return {
    ask(limits, ask) {
      const { response } = change(
        (ledger) => {
          const outcome = answerRequest(ledger, limits, ask, now());
          usage.add('', { ledgerCalls: 1 });
          for (const { use } of outcome.counted) {
            for (const [functionName, more] of use) usage.add(functionName, more);
          }
          usage.write();
          return outcome;
        },
        [ask.holder],
      );
      return response;
    },
    advance(limits) {
      change((ledger) => advanceLedger(ledger, limits, now()), []);
    },
    read(limits) {
      const ledger = load(); // of its own: what is in memory is what is stored
      const { writtenOff } = advanceLedger(ledger, limits, now());
      return { ledger, writtenOff };
    },
    peekDenial(limits, bytes) {
      const copy = structuredClone(state ?? load());
      return answerRequest(copy, limits, askForOne(bytes), now()).response.no;
    },
    clear() {
      state = undefined;
      usage.forget();
      sql.exec('DELETE FROM ledger');
      sql.exec('DELETE FROM holder');
    },
  };
}
