import { LAMBDA_ERRORS } from '../core/invoke/errors.ts';
import { type Refusal, refuse, renderRefusal } from '../core/refusal.ts';
import { EVENT_STREAM } from './stream/event-stream.ts';
import { chooseFormat } from './stream/formats.ts';
import { passStream } from './stream/pass-stream.ts';

/** Lambda's 403s that are about a function and not about who calls; these pass through. */
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
export function refuseForUs(upstream: Response, givenName: string): Refusal | undefined {
  if (upstream.status !== 403) return undefined;
  const type = upstream.headers.get('x-amzn-errortype')?.replace(/:.*$/, '') ?? '';
  if (FUNCTION_403S.has(type)) return undefined;
  return type === 'AccessDeniedException'
    ? refuse('upstream-access-denied', givenName)
    : refuse('upstream-credentials');
}

const PASSED = new Set(['content-type', 'date', 'retry-after']);
const isPassed = (name: string) => PASSED.has(name) || name.startsWith('x-amz-') || name.startsWith('x-amzn-');

/** Lambda's answer on its way to the caller, and when the last of it has gone. */
export interface PassedAnswer {
  readonly response: Response;
  /**
   * Resolves when Lambda's answer has ended, and says whether it broke off, at Lambda or because the caller left. Never
   * rejects.
   */
  readonly ended: Promise<{ readonly brokenOff: boolean }>;
}

/**
 * Passes Lambda's answer on: status, `X-Amz-*`, `x-amzn-*`, content type and body bytes, streamed. Nothing else of its
 * headers: no cookies, nothing hop-by-hop.
 *
 * @param accept what the caller wants a response stream to be written as.
 */
export function passAnswer(upstream: Response, accept?: string): PassedAnswer | undefined {
  // No answer of HTTP's: what spoke was not Lambda.
  if (upstream.status < 200 || upstream.status > 599) return undefined;
  const headers = new Headers();
  for (const [name, value] of upstream.headers) if (isPassed(name)) headers.append(name, value);
  const { status, body } = upstream;
  if (body === null) {
    return { response: new Response(null, { status, headers }), ended: Promise.resolve({ brokenOff: false }) };
  }
  if (upstream.headers.get('content-type') === EVENT_STREAM) {
    const format = chooseFormat(accept);
    headers.set('content-type', format.contentType);
    const { readable, ended } = passStream(body, format);
    return {
      response: new Response(readable, { status, headers }),
      ended: ended.then(({ complete }) => ({ brokenOff: !complete })),
    };
  }
  // The runtime decodes a compressed body, so its length is not the one declared.
  const length = upstream.headers.has('content-encoding') ? null : upstream.headers.get('content-length');
  const { readable, writable } =
    length === null ? new IdentityTransformStream() : new FixedLengthStream(Number(length));
  const ended = body.pipeTo(writable).then(
    () => ({ brokenOff: false }),
    () => ({ brokenOff: true }),
  );
  return { response: new Response(readable, { status, headers }), ended };
}

/** A refusal as a response. */
export function answerRefusal(refusal: Refusal): Response {
  const { status, headers, body } = renderRefusal(refusal);
  return new Response(body, { status, headers });
}
