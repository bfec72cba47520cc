import type * as z from 'zod';
import type { Result } from '../core/result.ts';
import type { Admin } from '../operator/access.ts';
import type { Failure } from '../operator/failure.ts';
import type { OperatorPorts } from '../operator/ports.ts';
import type { AnswerOf, Operation, ParamsOf } from './operation.ts';

/** What a handler gets: everything that its operation names, checked. */
export interface Input<O extends Operation> {
  readonly admin: Admin;
  readonly params: ParamsOf<O>;
  readonly query: O['query'] extends z.ZodType ? z.output<O['query']> : undefined;
  readonly body: O['body'] extends z.ZodType ? z.output<O['body']> : undefined;
  /** The versions in If-Match. Undefined: any. */
  readonly ifMatch: readonly number[] | undefined;
}

/** Serves an operation: turns its input into a call of `operator`, and the outcome into its answer. */
export type Handler<O extends Operation> = (
  ports: OperatorPorts,
  input: Input<O>,
) => Promise<Result<AnswerOf<O>, Failure>>;

/** A handler for each operation of a table. */
export type Handlers<Operations extends Readonly<Record<string, Operation>>> = {
  readonly [Id in keyof Operations]: Handler<Operations[Id]>;
};

/** Turns the value of an operation into its answer. A failure stays as it is. */
export const answerWith = <T, A>(result: Result<T, Failure>, answer: (value: T) => A): Result<A, Failure> =>
  result.ok ? { ok: true, value: answer(result.value) } : result;
