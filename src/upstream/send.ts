import type { Permit } from '../core/policy/permit.ts';
import { type Refusal, refuseLeft, refuseLost } from '../core/refusal.ts';
import { err, ok, type Result } from '../core/result.ts';
import type { AwsCredentials, LambdaNames } from '../core/settings.ts';
import { TimeoutError, type Within, within } from '../edge/deadline.ts';
import { lambdaEndpoint } from './endpoint.ts';
import { buildInvokeRequest } from './request.ts';
import { sendPieces } from './send-pieces.ts';
import { createLambdaSigner } from './sign.ts';

/** A payload and its SHA-256 in hex. Sending a long payload takes over its buffer: `bytes` is empty afterwards. */
export interface Payload {
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly sha256: string;
}

/** Options for sending one call. */
export interface SendOptions {
  /** Waits for the answer. Default `within`. */
  readonly wait?: Within;
  /** Aborted when the caller has left. Sending then stops, unless Lambda may already have the last piece. */
  readonly signal?: AbortSignal;
  /**
   * Called with the number of payload bytes that no longer need memory: for a long payload, as the runtime takes them;
   * for a short payload, when the wait for the answer ends. The numbers add up to the payload's length, however the
   * call ends.
   */
  readonly onSent?: (bytes: number) => void;
  /** Keeps alive a promise that may settle after the head of the answer has arrived. */
  readonly waitUntil?: (promise: Promise<unknown>) => void;
}

/**
 * Signs the call that a Permit allows and sends it to Lambda. Never sends it a second time, however the first attempt
 * ends. If no answer comes, the refusal says whether the function certainly did not start.
 */
export type SendOnce = (permit: Permit, payload: Payload, options?: SendOptions) => Promise<Result<Response, Refusal>>;

/** Milliseconds after which a call without an answer counts as lost. A function may run for 15 minutes (Lambda quotas). */
export const UPSTREAM_TIMEOUT_MS = 15 * 60_000 + 30_000;

/**
 * Maximum bytes of a payload that is sent whole. A longer payload goes out piece by piece, because the runtime keeps a
 * whole body in memory until the head of the answer comes, up to 15 minutes, but frees the pieces of a stream as they
 * leave. For a short payload, a whole body costs less.
 */
export const MAX_WHOLE_PAYLOAD_BYTES = 64 * 1024;

/** The part of `fetch` that is used to reach Lambda. */
export type Fetch = (url: string, init: RequestInit) => Promise<Response>;

export interface SenderOptions {
  readonly credentials: AwsCredentials;
  /** The setting `AWS_ENDPOINT_URL_LAMBDA`. */
  readonly endpoint?: string | undefined;
  /** How functions are named. Default `arn`. */
  readonly names?: LambdaNames;
  readonly timeoutMs?: number;
  /** Returns the current time in milliseconds, to date the signatures. */
  readonly now: () => number;
  /** Ends the upload of a long payload if no piece is taken for this many milliseconds. */
  readonly maxStallMs?: number;
  readonly fetch?: Fetch;
}

/**
 * Makes the only function that reaches Lambda. The function never sends a call twice: an Invoke is not idempotent, and
 * the runtime calls a lost connection `retryable` even if the request has already been sent.
 */
export function createSender({
  credentials,
  endpoint,
  names = 'arn',
  timeoutMs = UPSTREAM_TIMEOUT_MS,
  maxStallMs,
  now,
  fetch: reach = (url, init) => fetch(url, init),
}: SenderOptions): SendOnce {
  const sign = createLambdaSigner(credentials);
  const origins = new Map<string, { readonly origin: string; readonly host: string }>(); // at most one entry per region
  const originOf = (region: string) => {
    let known = origins.get(region);
    if (!known) {
      const origin = lambdaEndpoint(region, endpoint);
      known = { origin, host: new URL(origin).host };
      origins.set(region, known);
    }
    return known;
  };
  return async (permit, payload, options = {}) => {
    if (options.signal?.aborted) {
      options.onSent?.(payload.bytes.byteLength);
      return err(refuseLeft());
    }
    const { path, query, headers } = buildInvokeRequest(permit, names);
    const { region } = permit.target;
    const { origin, host } = originOf(region);
    const signed = sign({ host, region, path, query, headers, bodySha256: payload.sha256 }, now());
    // Not signed, because a proxy in front of Lambda may add to this header. SDKs do not sign it either.
    if (permit.traceId !== undefined) signed['x-amzn-trace-id'] = permit.traceId;
    const url = query === '' ? origin + path : `${origin}${path}?${query}`;
    // Never follow a redirect: it could carry the payload to another host, or turn the call into a GET.
    const post: Post = (rest) => reach(url, { method: 'POST', headers: signed, redirect: 'manual', ...rest });
    return payload.bytes.byteLength > MAX_WHOLE_PAYLOAD_BYTES
      ? sendLong(post, payload.bytes, { ...options, timeoutMs, maxStallMs })
      : sendShort(post, payload.bytes, timeoutMs, options);
  };
}

type Post = (request: Pick<RequestInit, 'body' | 'signal'>) => Promise<Response>;

/**
 * Sends a short payload as one body. If no answer comes, nobody knows how much Lambda has received, so `started` is
 * `unknown`.
 */
async function sendShort(
  post: Post,
  body: Uint8Array<ArrayBuffer>,
  timeoutMs: number,
  { wait = within, onSent }: SendOptions,
): Promise<Result<Response, Refusal>> {
  try {
    return ok(await wait(timeoutMs, post({ body })));
  } catch (error) {
    return err(refuseLost(error instanceof TimeoutError ? 'upstream-timeout' : 'upstream-unreachable', 'unknown'));
  } finally {
    onSent?.(body.byteLength);
  }
}

/** Sends a long payload piece by piece. Until the last piece goes out, the function certainly has not started. */
async function sendLong(
  post: Post,
  payload: Uint8Array<ArrayBuffer>,
  options: SendOptions & { readonly timeoutMs: number; readonly maxStallMs: number | undefined },
): Promise<Result<Response, Refusal>> {
  const { wait = within, signal, onSent = () => {}, waitUntil, timeoutMs, maxStallMs } = options;
  const connection = new AbortController();
  let stalled = false;
  const body = sendPieces(payload, {
    onSent,
    onStall: () => {
      stalled = true;
      connection.abort();
    },
    ...(maxStallMs !== undefined && { maxStallMs }),
  });
  waitUntil?.(body.ended);
  const leave = () => {
    // Once Lambda may have the whole payload, the function runs with or without its caller.
    if (body.handedOver) return;
    body.stop();
    connection.abort();
  };
  signal?.addEventListener('abort', leave);
  try {
    return ok(await wait(timeoutMs, post({ body: body.readable, signal: connection.signal })));
  } catch (error) {
    body.stop();
    const started = body.handedOver ? 'unknown' : 'no';
    if (signal?.aborted && started === 'no') return err(refuseLeft());
    const late = stalled || error instanceof TimeoutError;
    if (late) connection.abort(); // otherwise the connection would hold its socket until the call ends
    return err(refuseLost(late ? 'upstream-timeout' : 'upstream-unreachable', started));
  } finally {
    signal?.removeEventListener('abort', leave);
  }
}
