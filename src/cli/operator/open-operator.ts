import { type ConnectionFlags, readConnection } from './connection.ts';
import { createOperator, type Operator } from './operator.ts';

/** Opens the admin API of the gateway that the flags and the environment name. */
export const openOperator = async (flags: ConnectionFlags): Promise<Operator> =>
  createOperator(await readConnection(flags, process.env));
