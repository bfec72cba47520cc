import type { Handler } from './load-handler.ts';

/** The context that a handler gets, with the member names of Lambda's Node runtime. */
export interface HandlerContext {
  /** True if a callback's result is held back until the event loop is empty. */
  callbackWaitsForEmptyEventLoop: boolean;
  readonly [member: string]: unknown;
}

/**
 * Calls a handler and waits for its answer: a return value, a promise's value, or a result passed to the callback (the third
 * parameter). If the event loop is empty before the handler answers, the answer is undefined.
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
