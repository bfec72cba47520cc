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
  /** Aborted when the caller has left: then a payload of which Lambda has not got the last piece goes no further. */
  readonly signal?: AbortSignal;
  /**
   * Called with the bytes of the payload that need not be held any more: as the runtime takes them, or for a short
   * payload when the answer begins. All calls together add up to the payload, whatever becomes of it.
   */
  readonly onSent?: (bytes: number) => void;
  /** Keeps a promise alive that may outlast the answer's head. */
  readonly waitUntil?: (promise: Promise<unknown>) => void;
}

/**
 * Signs what a Permit allows and sends it to Lambda: once, whatever comes of it. The refusal of a call that got no answer
 * says whether its function certainly did not start.
 */
export type SendOnce = (permit: Permit, payload: Payload, options?: SendOptions) => Promise<Result<Response, Refusal>>;

/** A function may run for 15 minutes (Lambda quotas); after these milliseconds without an answer the call is lost. */
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
  /** After this long without a piece taken, the upload of a long payload is given up. */
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
    // Not signed, as no SDK signs it: a proxy in front of Lambda may add to it.
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

/** Sends a short payload as it is. If it gets no answer, nobody knows how far it came: `unknown`. */
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
    if (late) connection.abort(); // else the connection would hold its socket for as long as the call lives
    return err(refuseLost(late ? 'upstream-timeout' : 'upstream-unreachable', started));
  } finally {
    signal?.removeEventListener('abort', leave);
  }
}
