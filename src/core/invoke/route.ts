import { type Refusal, refuse } from '../refusal.ts';
import { err, ok, type Result } from '../result.ts';
import type { Operation } from './types.ts';

/** The operation of a request line, and the function name as the caller sent it, still percent-encoded. */
export interface Route {
  readonly operation: Operation;
  readonly rawFunctionName: string;
}

/**
 * The paths of the three operations in the Lambda service model. InvokeAsync lost its trailing slash in the model of
 * 2025-07, but older SDKs still send the slash.
 */
const ROUTES: readonly (readonly [Operation, RegExp])[] = [
  ['Invoke', /^\/2015-03-31\/functions\/([^/]+)\/invocations$/],
  ['InvokeWithResponseStream', /^\/2021-11-15\/functions\/([^/]+)\/response-streaming-invocations$/],
  ['InvokeAsync', /^\/2014-11-13\/functions\/([^/]+)\/invoke-async\/?$/],
];

/**
 * Finds the operation of a request line.
 *
 * @param rawPath the path as received, still percent-encoded and without the query.
 */
export function parseRoute(method: string, rawPath: string): Result<Route, Refusal> {
  for (const [operation, path] of ROUTES) {
    const rawFunctionName = path.exec(rawPath)?.[1];
    if (rawFunctionName === undefined) continue;
    return method === 'POST' ? ok({ operation, rawFunctionName }) : err(refuse('method-not-allowed'));
  }
  return err(refuse('unknown-path', rawPath));
}
