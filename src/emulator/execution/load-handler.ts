import { basename } from 'node:path';
import { fileURLToPath } from 'node:url';
import { errorDocument } from './error-document.ts';
import type { ErrorDocument } from './protocol.ts';

/** A handler: `(event, context)`, `(event, context, callback)`, or, if it streams, `(event, responseStream, context)`. */
export type Handler = (event: unknown, second: unknown, third?: unknown) => unknown;

/** Imports a function's module. Returns its handler, or the error that Lambda's Node runtime would report. */
export async function loadHandler(module: string): Promise<Handler | ErrorDocument> {
  let exports: Record<string, unknown>;
  try {
    exports = await import(module);
  } catch (error) {
    return loadError(error);
  }
  const fallback = exports.default;
  const candidates = [exports.handler, isRecord(fallback) ? fallback.handler : fallback];
  const handler = candidates.find((candidate) => typeof candidate === 'function');
  if (handler !== undefined) return handler as Handler;
  const file = basename(fileURLToPath(module)).replace(/\.[^.]+$/, '');
  return {
    errorType: 'Runtime.HandlerNotFound',
    errorMessage: `${file}.handler is undefined or not exported`,
    trace: [`Runtime.HandlerNotFound: ${file}.handler is undefined or not exported`],
  };
}

function loadError(error: unknown): ErrorDocument {
  const document = errorDocument(error);
  const errorMessage = `${document.errorType}: ${document.errorMessage}`;
  const code = isRecord(error) ? error.code : undefined;
  if (code === 'MODULE_NOT_FOUND' || code === 'ERR_MODULE_NOT_FOUND') {
    return { ...document, errorType: 'Runtime.ImportModuleError', errorMessage };
  }
  if (error instanceof SyntaxError) {
    return { ...document, errorType: 'Runtime.UserCodeSyntaxError', errorMessage };
  }
  return document;
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null;
}
