import { percentDecode } from './query.ts';

/** The operations of Lambda's data plane. */
export type Operation = 'Invoke' | 'InvokeAsync' | 'InvokeWithResponseStream';

/** The operation that a request names, and the decoded function name from its path. */
export interface Route {
  readonly operation: Operation;
  readonly functionName: string;
}

/** Older SDKs send InvokeAsync with a trailing slash, newer SDKs without a slash (API model, 2025-07). */
const paths: readonly [RegExp, Operation][] = [
  [/^\/2015-03-31\/functions\/([^/]+)\/invocations$/, 'Invoke'],
  [/^\/2014-11-13\/functions\/([^/]+)\/invoke-async\/?$/, 'InvokeAsync'],
  [/^\/2021-11-15\/functions\/([^/]+)\/response-streaming-invocations$/, 'InvokeWithResponseStream'],
];

/** Finds the operation for a method and a raw wire path. Undefined if no operation matches. */
export function routeOf(method: string, path: string): Route | undefined {
  if (method !== 'POST') return undefined;
  for (const [pattern, operation] of paths) {
    const label = pattern.exec(path)?.[1];
    if (label !== undefined) return { operation, functionName: utf8(percentDecode(label)) };
  }
  return undefined;
}

function utf8(bytes: string): string {
  return Buffer.from(bytes, 'latin1').toString();
}
