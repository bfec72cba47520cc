import { createPlaceHider } from '../core/policy/hide-places.ts';
import type { Permit } from '../core/policy/permit.ts';
import { readText } from '../edge/read-text.ts';
import type { InvokeComplete } from './stream/event-stream.ts';

/** Maximum size of a Lambda error that is read into memory. Lambda's own errors are far smaller. */
const MAX_ERROR_BYTES = 64 * 1024;
/** Maximum size of a function's error that is read to find its type. */
const MAX_FUNCTION_ERROR_BYTES = 256 * 1024;
/** An `errorType` is a class name or a code from the runtime. Any other text could be a disguised message. */
const ERROR_TYPE = /^[\w.$:-]{1,128}$/;
const HIDDEN_MESSAGE = 'The function returned an error. Its details are not shown to callers.';

/** Changes Lambda's answer for a caller. */
export interface Revision {
  /** Revises headers, the body of a Lambda error, and the body of a function's error. Other payloads pass unchanged. */
  answer(upstream: Response): Promise<Response>;
  /** Revises the last frame of a stream. */
  complete(complete: InvokeComplete): InvokeComplete;
  /** Revises any text outside payloads. */
  text(text: string): string;
}

/**
 * Creates the revision of the answer to a permitted call. Undefined if the answer passes unchanged.
 * - For a tenant with published names, account ids and ARNs are hidden (`createPlaceHider`).
 * - With `errorDetail: "type"`, only the type of a function's error is kept. The log is separate: `logTail` shows everything
 *   that the function wrote, including stack traces.
 * - If Lambda received a scoped name of a durable execution, the caller's own name is restored.
 */
export function createRevision(permit: Permit): Revision | undefined {
  const { hiddenAccounts, errorDetail, durableName } = permit;
  const isScoped = durableName !== undefined && durableName.sent !== durableName.given;
  if (!hiddenAccounts && errorDetail === 'full' && !isScoped) return undefined;

  const places = hiddenAccounts && createPlaceHider(permit);
  const unscope = (text: string) => (isScoped ? text.replaceAll(durableName.sent, durableName.given) : text);
  const revise = (text: string) => places?.hide(unscope(text)) ?? unscope(text);
  const reviseLog = (value: string) => inBase64(value, (text) => places?.hideLogTail(unscope(text)) ?? unscope(text));
  const reviseAny = (value: unknown): unknown => {
    if (typeof value === 'string') return revise(value);
    if (Array.isArray(value)) return value.map(reviseAny);
    if (typeof value !== 'object' || value === null) return value;
    return Object.fromEntries(Object.entries(value).map(([name, one]) => [revise(name), reviseAny(one)]));
  };

  return {
    text: revise,

    complete({ LogResult, ...rest }) {
      const shown = errorDetail === 'type' ? keepErrorType(rest) : rest;
      return {
        ...(reviseAny(shown) as InvokeComplete),
        ...(typeof LogResult === 'string' && { LogResult: reviseLog(LogResult) }),
      };
    },

    async answer(upstream) {
      const headers = new Headers(upstream.headers);
      for (const [name, value] of upstream.headers) {
        const revised = name === 'x-amz-log-result' ? reviseLog(value) : revise(value);
        if (revised !== value) headers.set(name, revised);
      }
      const { status, body } = upstream;
      const functionError = upstream.headers.get('x-amz-function-error');
      const isTypeOnly = status < 300 && functionError !== null && errorDetail === 'type';
      if (body === null || (status < 300 && !isTypeOnly)) return new Response(body, { status, headers });
      const text = await readText(body, isTypeOnly ? MAX_FUNCTION_ERROR_BYTES : MAX_ERROR_BYTES);
      headers.delete('content-length');
      headers.delete('content-encoding');
      const shown = isTypeOnly ? writeErrorType(text, functionError) : text === undefined ? '{}' : revise(text);
      return new Response(shown, { status, headers });
    },
  };
}

/** Keeps only the type of a stream's error. */
function keepErrorType({ ErrorCode, ErrorDetails }: InvokeComplete): InvokeComplete {
  if (ErrorCode === undefined && ErrorDetails === undefined) return {};
  const code = asErrorType(ErrorCode) ?? 'Unhandled';
  return { ErrorCode: code, ErrorDetails: writeErrorType(ErrorDetails, code) };
}

/** Writes a function's error with only its type, in the shape that the runtimes use. */
function writeErrorType(error: string | undefined, otherwise: string): string {
  const errorType = asErrorType(readErrorType(error)) ?? asErrorType(otherwise) ?? 'Unhandled';
  return JSON.stringify({ errorType, errorMessage: HIDDEN_MESSAGE });
}

function readErrorType(error: unknown): unknown {
  try {
    return (JSON.parse(String(error)) as { errorType?: unknown } | null)?.errorType;
  } catch {
    return undefined;
  }
}

const asErrorType = (value: unknown) => (typeof value === 'string' && ERROR_TYPE.test(value) ? value : undefined);

function inBase64(value: string, revise: (text: string) => string): string {
  try {
    return btoa(revise(atob(value)));
  } catch {
    return ''; // unreadable text could contain something to hide, so it is removed
  }
}
