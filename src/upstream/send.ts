import type { Permit } from '../core/policy/permit.ts';
import { type Refusal, refuseLeft, refuseLost } from '../core/refusal.ts';
import { err, ok, type Result } from '../core/result.ts';
import type { AwsCredentials, LambdaNames } from '../core/settings.ts';
import { TimeoutError, type Within, within } from '../edge/deadline.ts';
import { lambdaEndpoint } from './endpoint.ts';
import { buildInvokeRequest } from './request.ts';
import { sendPieces } from './send-pieces.ts';
import { createLambdaSigner } from './sign.ts';

/** A payload, with its SHA-256 in hex. Sending takes over a long one: `bytes` is empty afterwards. */
export interface Payload {
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly sha256: string;
}

/** How one call is sent. */
export interface SendOptions {
  /** How its answer is waited for. */
  readonly wait?: Within;
  /** Aborted when the caller has left. Sending then stops, unless Lambda may already have the last piece. */
  readonly signal?: AbortSignal;
  /**
   * Called with the number of payload bytes that no longer need memory: as the runtime takes them, or for a short payload
   * when the answer begins. All calls together add up to the payload's length, however the call ends.
   */
  readonly onSent?: (bytes: number) => void;
  /** Keeps a promise alive that may outlast the answer's head. */
  readonly waitUntil?: (promise: Promise<unknown>) => void;
}

/**
 * Signs what a Permit allows and sends it to Lambda, once, however that ends. If no answer comes, the refusal says whether
 * the function certainly did not start.
 */
export type SendOnce = (permit: Permit, payload: Payload, options?: SendOptions) => Promise<Result<Response, Refusal>>;

/** A call without an answer for this long is lost. A function may run for 15 minutes (Lambda quotas). */
export const UPSTREAM_TIMEOUT_MS = 15 * 60_000 + 30_000;

/**
 * A longer payload goes out piece by piece. The runtime keeps a body of bytes until the answer's head comes, up to 15
 * minutes, but lets go of a stream's pieces as they leave. Below this, bytes cost less.
 */
export const MAX_WHOLE_PAYLOAD_BYTES = 64 * 1024;

/** Reaches Lambda: `fetch`. */
export type Fetch = (url: string, init: RequestInit) => Promise<Response>;

export interface SenderOptions {
  readonly credentials: AwsCredentials;
  /** `AWS_ENDPOINT_URL_LAMBDA`. */
  readonly endpoint?: string | undefined;
  /** How functions are named. Default `arn`. */
  readonly names?: LambdaNames;
  readonly timeoutMs?: number;
  /** The time of a signature. */
  readonly now: () => number;
  /** The upload of a long payload is given up after this long without a piece taken. */
  readonly maxStallMs?: number;
  readonly fetch?: Fetch;
}

/**
 * Makes the one function that reaches Lambda. It never sends twice: an Invoke is not idempotent, and the runtime calls a
 * lost connection `retryable` even when the request had been sent.
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
  const origins = new Map<string, { readonly origin: string; readonly host: string }>(); // at most one for each region
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
    // Not signed, just as no SDK signs it: a proxy in front of Lambda may add to it.
    if (permit.traceId !== undefined) signed['x-amzn-trace-id'] = permit.traceId;
    const url = query === '' ? origin + path : `${origin}${path}?${query}`;
    // Never follow: a redirect would carry the payload elsewhere, and as a GET.
    const post: Post = (rest) => reach(url, { method: 'POST', headers: signed, redirect: 'manual', ...rest });
    return payload.bytes.byteLength > MAX_WHOLE_PAYLOAD_BYTES
      ? sendLong(post, payload.bytes, { ...options, timeoutMs, maxStallMs })
      : sendShort(post, payload.bytes, timeoutMs, options);
  };
}

type Post = (request: Pick<RequestInit, 'body' | 'signal'>) => Promise<Response>;

/** Sends a short payload as one body. If no answer comes, nobody knows how much Lambda received: `unknown`. */
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

/** Sends a long payload piece by piece. Until the last piece goes out, its function certainly has not started. */
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
