import { LAMBDA_ERRORS } from '../core/invoke/errors.ts';
import { type Refusal, refuse, refuseLost } from '../core/refusal.ts';
import { TimeoutError, type Within, within } from '../edge/deadline.ts';
import { isEventStream } from './stream/event-stream.ts';
import { chooseFormat, type StreamRevision } from './stream/formats.ts';
import { MAX_BODY_STALL_MS, passBody } from './stream/pass-body.ts';
import { passStream } from './stream/pass-stream.ts';

/** The 403s of Lambda that concern the function, not our identity. They pass through. */
const FUNCTION_403S = new Set(
  Object.entries(LAMBDA_ERRORS)
    .filter(([, error]) => error.status === 403 && error.shape === 'Message')
    .map(([name]) => name),
);

/**
 * Finds an answer of Lambda's that is about our own identity, which is no business of the caller's: the wrong
 * credentials are our fault (502), and a denial of Lambda's names our role's ARN. Any 403 that is not known to be about
 * the function counts as ours.
 */
export function mapIdentityError(upstream: Response, givenName: string): Refusal | undefined {
  if (upstream.status !== 403) return undefined;
  const type = upstream.headers.get('x-amzn-errortype')?.replace(/:.*$/, '') ?? '';
  if (FUNCTION_403S.has(type)) return undefined;
  return type === 'AccessDeniedException'
    ? refuse('upstream-access-denied', givenName)
    : refuse('upstream-credentials');
}

/** Statuses that platforms such as Cloudflare answer with themselves (Cloudflare, "5xx errors"). */
const PLATFORM_STATUSES: ReadonlySet<number> = new Set([520, 521, 522, 523, 524, 525, 526, 527, 530]);
/** Of these, and of the gateways' usual ones: the platform waited in vain. */
const PLATFORM_TIMEOUTS: ReadonlySet<number> = new Set([504, 522, 524]);

/**
 * Finds an answer that is not Lambda's but comes from a platform in between, which did not reach Lambda or lost it. Every
 * answer of Lambda's has an id, and a function cannot choose the status. So an answer without an id is a platform's own if
 * its status is one that Lambda has none of, or if it is Cloudflare's own server error. The function may have run.
 */
export function mapPlatformError({ status, headers }: Response): Refusal | undefined {
  if (status < 500 || headers.has('x-amzn-requestid') || headers.has('x-amzn-errortype')) return undefined;
  const isCloudflares = headers.get('server')?.toLowerCase() === 'cloudflare';
  if (!PLATFORM_STATUSES.has(status) && !isCloudflares) return undefined;
  return refuseLost(PLATFORM_TIMEOUTS.has(status) ? 'upstream-timeout' : 'upstream-unreachable', 'unknown');
}

const PASSED = new Set(['content-type', 'date', 'retry-after']);
const isPassed = (name: string) => PASSED.has(name) || name.startsWith('x-amz-') || name.startsWith('x-amzn-');

/** An answer in the making. It becomes a `Response` once, when all of its headers are known. */
export interface Answer {
  readonly status: number;
  /** By lower-case name. */
  readonly headers: Record<string, string>;
  readonly body: ReadableStream | ArrayBuffer | string | null;
}

/** How Lambda's answer came to its end. */
export interface AnswerEnd {
  /** It did not get to its end, at Lambda or because the caller left. */
  readonly brokenOff: boolean;
  /** The function has ended, whatever became of its answer. */
  readonly functionEnded: boolean;
  /** The caller had left by then. */
  readonly callerLeft: boolean;
  /** Bytes of the answer that Lambda sent. */
  readonly bytes: number;
  /** The error with which the function of a response stream ended. */
  readonly functionError?: string | undefined;
}

/** Lambda's answer on its way to the caller, and when the last of it has gone. */
export interface PassedAnswer {
  readonly answer: Answer;
  /** How it ended, where that is known already; else it resolves when Lambda's answer has ended, and never rejects. */
  readonly ended: AnswerEnd | Promise<AnswerEnd>;
}

/** Why an answer cannot be passed on: it is not valid HTTP, or its body breaks off or stalls. */
export type PassFault = 'not-http' | 'broken-off' | 'stalled';

/** An answer that is no longer than this is read whole: cheaper than a stream, and its end is seen at once. */
const MAX_WHOLE_BYTES = 64 * 1024;

export interface PassOptions {
  /** The format in which the caller wants a response stream. */
  readonly accept?: string | undefined;
  /** The log was asked for by us, and is not the caller's to see. */
  readonly logIsOurs?: boolean;
  /** How a stream's last frame is changed for the caller. */
  readonly revision?: StreamRevision | undefined;
  /** Gives a signal that is aborted when the caller resets its connection: made only for answers that are watched. */
  readonly left?: () => AbortSignal;
  readonly maxStallMs?: number;
  /** How a short answer is waited for. */
  readonly wait?: Within;
}

/**
 * Passes Lambda's answer on: status, `X-Amz-*`, `x-amzn-*`, content type and body bytes, streamed. Nothing else of its
 * headers: no cookies, nothing hop-by-hop.
 */
export async function passAnswer(
  upstream: Response,
  { accept, logIsOurs, revision, left, maxStallMs = MAX_BODY_STALL_MS, wait = within }: PassOptions = {},
): Promise<PassedAnswer | PassFault> {
  // No answer of HTTP's: what spoke was not Lambda.
  if (upstream.status < 200 || upstream.status > 599) return 'not-http';
  const headers: Record<string, string> = {};
  // An iterator would be one more object of the runtime.
  upstream.headers.forEach((value, name) => {
    if (isPassed(name)) headers[name] = value;
  });
  if (logIsOurs) delete headers['x-amz-log-result'];
  const { status } = upstream;
  const isStream = isEventStream(headers['content-type']);
  // The runtime decodes a compressed body, so its length is not the one declared.
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
  // Asked for only here: the runtime makes an object for it.
  const { body } = upstream;
  if (body === null) return { answer: { status, headers, body: null }, ended: wholeOf(0) };
  if (isStream) {
    const format = chooseFormat(accept, revision);
    headers['content-type'] = format.contentType;
    const { readable, ended } = passStream(body, format, { left: left?.() });
    return {
      answer: { status, headers, body: readable },
      // A stream begins when its function does; only its own end says that the function has ended too.
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
    // Lambda answers when the function has ended.
    ended: ended.then(({ complete, callerLeft, bytes }) => ({
      brokenOff: !complete,
      functionEnded: true,
      callerLeft,
      bytes,
    })),
  };
}

const wholeOf = (bytes: number): AnswerEnd => ({ brokenOff: false, functionEnded: true, callerLeft: false, bytes });
