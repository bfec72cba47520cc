import { err, type Result } from '../core/result.ts';
import { type Admin, mayDo, type Need } from './access.ts';
import type { Failure } from './failure.ts';
import type { OperatorPorts } from './ports.ts';

/** An operation checks the access and works through the ports. A change and its audit entry share one transaction. */
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

/** Makes a read-only operation, which every admin may run. */
export const reading = guarded('read');
/** Makes an operation that changes something and needs full access. */
export const changing = guarded('change');
