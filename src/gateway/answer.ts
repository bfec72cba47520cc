import { LAMBDA_ERRORS } from '../core/invoke/errors.ts';
import { type Refusal, refuse, refuseLost } from '../core/refusal.ts';
import { TimeoutError, type Within, within } from '../edge/deadline.ts';
import { isEventStream } from './stream/event-stream.ts';
import { chooseFormat, type StreamRevision } from './stream/formats.ts';
import { MAX_BODY_STALL_MS, passBody } from './stream/pass-body.ts';
import { passStream } from './stream/pass-stream.ts';

/** Names of Lambda's 403 errors about the function. These errors are passed on. A 403 about our identity is not. */
const FUNCTION_403S = new Set(
  Object.entries(LAMBDA_ERRORS)
    .filter(([, error]) => error.status === 403 && error.shape === 'Message')
    .map(([name]) => name),
);

/**
 * Returns a refusal if Lambda's answer is a 403 about our own identity. The caller must not see that answer: wrong
 * credentials are our fault (502), and Lambda's denial names our role's ARN. Every 403 that is not known to be about the
 * function counts as a 403 about our identity.
 */
export function mapIdentityError(upstream: Response, givenName: string): Refusal | undefined {
  if (upstream.status !== 403) return undefined;
  const type = upstream.headers.get('x-amzn-errortype')?.replace(/:.*$/, '') ?? '';
  if (FUNCTION_403S.has(type)) return undefined;
  return type === 'AccessDeniedException'
    ? refuse('upstream-access-denied', givenName)
    : refuse('upstream-credentials');
}

/** Statuses that only platforms such as Cloudflare send, never Lambda (Cloudflare, "5xx errors"). */
const PLATFORM_STATUSES: ReadonlySet<number> = new Set([520, 521, 522, 523, 524, 525, 526, 527, 530]);
/** Statuses of a platform that did not get an answer from Lambda in time. */
const PLATFORM_TIMEOUTS: ReadonlySet<number> = new Set([504, 522, 524]);

/**
 * Returns a refusal if the answer comes from a platform between us and Lambda, which did not reach Lambda or lost the
 * connection. Every answer from Lambda has a request id or an error type, and a function cannot choose the status. So an
 * answer with neither is the platform's own if Lambda never sends its status, or if it is a 5xx from Cloudflare. The
 * function may have run.
 */
export function mapPlatformError({ status, headers }: Response): Refusal | undefined {
  if (status < 500 || headers.has('x-amzn-requestid') || headers.has('x-amzn-errortype')) return undefined;
  const isCloudflares = headers.get('server')?.toLowerCase() === 'cloudflare';
  if (!PLATFORM_STATUSES.has(status) && !isCloudflares) return undefined;
  return refuseLost(PLATFORM_TIMEOUTS.has(status) ? 'upstream-timeout' : 'upstream-unreachable', 'unknown');
}

const PASSED = new Set(['content-type', 'date', 'retry-after']);
const isPassed = (name: string) => PASSED.has(name) || name.startsWith('x-amz-') || name.startsWith('x-amzn-');

/** An unfinished answer. It becomes a `Response` once, when all headers are known. */
export interface Answer {
  readonly status: number;
  /** Values by lower-case header name. */
  readonly headers: Record<string, string>;
  readonly body: ReadableStream | ArrayBuffer | string | null;
}

/** How Lambda's answer ended. */
export interface AnswerEnd {
  /** True if the answer is incomplete, because Lambda broke it off or the caller left. */
  readonly brokenOff: boolean;
  /** True if the function has ended, even if its answer is incomplete. */
  readonly functionEnded: boolean;
  /** True if the caller left before the answer ended. */
  readonly callerLeft: boolean;
  /** Number of bytes that Lambda sent. */
  readonly bytes: number;
  /** The error code at the end of a response stream, if the function failed. */
  readonly functionError?: string | undefined;
}

/** Lambda's answer on its way to the caller, and how the answer ends. */
export interface PassedAnswer {
  readonly answer: Answer;
  /** How Lambda's answer ended. A promise if the answer has not ended yet. The promise never rejects. */
  readonly ended: AnswerEnd | Promise<AnswerEnd>;
}

/** Why an answer cannot be passed on: it is not valid HTTP, or its body breaks off or stalls. */
export type PassFault = 'not-http' | 'broken-off' | 'stalled';

/** Maximum size of an answer that is read whole. Reading it whole is cheaper than a stream and shows its end at once. */
const MAX_WHOLE_BYTES = 64 * 1024;

export interface PassOptions {
  /** The format in which the caller wants a response stream. */
  readonly accept?: string | undefined;
  /** True if we asked for the log and the caller did not. The caller must not see that log. */
  readonly logIsOurs?: boolean;
  /** Changes a stream's frames, but not its payload, for the caller. */
  readonly revision?: StreamRevision | undefined;
  /** Returns a signal that is aborted when the caller resets its connection. Called only if the answer is streamed. */
  readonly left?: () => AbortSignal;
  readonly maxStallMs?: number;
  /** Waits for a short answer with a time limit. Default `within`. */
  readonly wait?: Within;
}

/**
 * Passes Lambda's answer on: the status, the body, and the headers `X-Amz-*`, `x-amzn-*`, `Content-Type`, `Date` and
 * `Retry-After`. All other headers are dropped, such as cookies and hop-by-hop headers. A long body is streamed.
 */
export async function passAnswer(
  upstream: Response,
  { accept, logIsOurs, revision, left, maxStallMs = MAX_BODY_STALL_MS, wait = within }: PassOptions = {},
): Promise<PassedAnswer | PassFault> {
  // Not a valid HTTP answer, so it did not come from Lambda.
  if (upstream.status < 200 || upstream.status > 599) return 'not-http';
  const headers: Record<string, string> = {};
  // `forEach`, because an iterator would be one more object in the runtime.
  upstream.headers.forEach((value, name) => {
    if (isPassed(name)) headers[name] = value;
  });
  if (logIsOurs) delete headers['x-amz-log-result'];
  const { status } = upstream;
  const isStream = isEventStream(headers['content-type']);
  // The runtime decodes a compressed body, so the decoded length differs from the declared length.
  const declared = upstream.headers.has('content-encoding') ? null : upstream.headers.get('content-length');
  const length = declared === null ? undefined : Number(declared);
  if (!isStream && length !== undefined && length <= MAX_WHOLE_BYTES) {
    try {
      const whole = await wait(maxStallMs, upstream.arrayBuffer());
      const bytes = whole.byteLength;
      return { answer: { status, headers, body: bytes === 0 ? null : whole }, ended: wholeOf(bytes) };
    } catch (error) {
      return error instanceof TimeoutError ? 'stalled' : 'broken-off';
    }
  }
  // Not read earlier, because reading `body` makes the runtime create an object.
  const { body } = upstream;
  if (body === null) return { answer: { status, headers, body: null }, ended: wholeOf(0) };
  if (isStream) {
    const format = chooseFormat(accept, revision);
    headers['content-type'] = format.contentType;
    const { readable, ended } = passStream(body, format, { left: left?.() });
    return {
      answer: { status, headers, body: readable },
      // A stream begins while its function runs, so only the end of the stream shows that the function has ended.
      ended: ended.then(({ complete, functionEnded, callerLeft, bytes, functionError }) => ({
        functionError,
        brokenOff: !complete || callerLeft,
        functionEnded,
        callerLeft,
        bytes,
      })),
    };
  }
  const { readable, ended } = passBody(body, { length, left: left?.(), maxStallMs });
  return {
    answer: { status, headers, body: readable },
    // Lambda sends a buffered answer only after the function has ended.
    ended: ended.then(({ complete, callerLeft, bytes }) => ({
      brokenOff: !complete,
      functionEnded: true,
      callerLeft,
      bytes,
    })),
  };
}

const wholeOf = (bytes: number): AnswerEnd => ({ brokenOff: false, functionEnded: true, callerLeft: false, bytes });
