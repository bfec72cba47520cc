import type * as z from 'zod';
import type { Result } from '../core/result.ts';
import type { Admin } from '../operator/access.ts';
import type { Failure } from '../operator/failure.ts';
import type { OperatorPorts } from '../operator/ports.ts';
import type { AnswerOf, Operation, ParamsOf } from './operation.ts';

/** The input of a handler: the parts of the request that the operation declares, after validation. */
export interface Input<O extends Operation> {
  readonly admin: Admin;
  readonly params: ParamsOf<O>;
  readonly query: O['query'] extends z.ZodType ? z.output<O['query']> : undefined;
  readonly body: O['body'] extends z.ZodType ? z.output<O['body']> : undefined;
  /** The versions in `If-Match`. Undefined means any version. */
  readonly ifMatch: readonly number[] | undefined;
}

/** Serves an operation: turns the input into a call of `operator`, and the result of the call into an answer. */
export type Handler<O extends Operation> = (
  ports: OperatorPorts,
  input: Input<O>,
) => Promise<Result<AnswerOf<O>, Failure>>;

/** A handler for each operation of a table. */
export type Handlers<Operations extends Readonly<Record<string, Operation>>> = {
  readonly [Id in keyof Operations]: Handler<Operations[Id]>;
};

/** Turns the value of a successful result into an answer. Returns a failure unchanged. */
export const answerWith = <T, A>(result: Result<T, Failure>, answer: (value: T) => A): Result<A, Failure> =>
  result.ok ? { ok: true, value: answer(result.value) } : result;
