import { err, type Result } from '../core/result.ts';
import { type Admin, mayDo, type Need } from './access.ts';
import type { Failure } from './failure.ts';
import type { OperatorPorts } from './ports.ts';

/** One operation: it checks the access, works through the ports, and writes the audit in the change's own transaction. */
export type Operation<Args extends readonly unknown[], T> = (
  ports: OperatorPorts,
  admin: Admin,
  ...args: Args
) => Promise<Result<T, Failure>>;

const guarded =
  (need: Need) =>
  <Args extends readonly unknown[], T>(run: Operation<Args, T>): Operation<Args, T> =>
  async (ports, admin, ...args) =>
    mayDo(admin, need) ? run(ports, admin, ...args) : err({ kind: 'access' });

/** Makes an operation that changes nothing. */
export const reading = guarded('read');
/** Makes an operation that changes something: only full access includes it. */
export const changing = guarded('change');
