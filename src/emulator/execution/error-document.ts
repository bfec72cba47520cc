import type { ErrorDocument } from './protocol.ts';

/** Turns a thrown value into an error document, as Lambda's Node runtime does. */
export function errorDocument(thrown: unknown): ErrorDocument {
  if (thrown instanceof Error) {
    return { errorType: thrown.name, errorMessage: thrown.message, trace: (thrown.stack ?? '').split('\n') };
  }
  return { errorType: typeof thrown, errorMessage: String(thrown), trace: [] };
}

/** Turns an unhandled rejection into an error document. */
export function unhandledRejectionDocument(reason: unknown): ErrorDocument {
  const errorMessage = String(reason);
  return {
    errorType: 'Runtime.UnhandledPromiseRejection',
    errorMessage,
    reason: errorDocument(reason),
    promise: {},
    trace: [`Runtime.UnhandledPromiseRejection: ${errorMessage}`],
  };
}
