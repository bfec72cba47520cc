import type { Handler } from './load-handler.ts';

/** The second argument of a handler, with the names of Lambda's Node runtime. */
export interface HandlerContext {
  /** Whether a callback's result waits until nothing is left to do. */
  callbackWaitsForEmptyEventLoop: boolean;
  readonly [member: string]: unknown;
}

/**
 * Calls a handler and waits for what it answers: returned, promised, or given to a callback as its third parameter.
 * A handler that leaves an empty event loop behind without an answer has answered nothing.
 */
export function callHandler(
  handler: Handler,
  event: unknown,
  context: HandlerContext,
  idle: Promise<void>,
): Promise<unknown> {
  return new Promise((resolve, reject) => {
    let answer: unknown;
    void idle.then(() => resolve(answer));
    const callback = (error: unknown, result: unknown) => {
      if (error !== undefined && error !== null) return reject(error);
      answer = result;
      if (!context.callbackWaitsForEmptyEventLoop) resolve(result);
    };
    const returned = handler(event, context, callback);
    if (isPromise(returned)) returned.then(resolve, reject);
    else if (handler.length < 3) resolve(returned);
  });
}

function isPromise(value: unknown): value is PromiseLike<unknown> {
  return typeof value === 'object' && value !== null && 'then' in value && typeof value.then === 'function';
}
