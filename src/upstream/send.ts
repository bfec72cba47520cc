import type { Permit } from '../core/policy/authorize.ts';
import { type Refusal, refuse } from '../core/refusal.ts';
import { no, ok, type Result } from '../core/result.ts';
import type { AwsCredentials } from '../core/settings.ts';
import { lambdaEndpoint } from './endpoint.ts';
import { buildInvokeRequest } from './request.ts';
import { createSigner } from './sign.ts';
import { TimeoutError, type Within, within } from './within.ts';

/** A payload, with its SHA-256 in hex. */
export interface Payload {
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly sha256: string;
}

/** Signs what a Permit allows and sends it to Lambda: once, whatever comes of it. */
export type SendOnce = (permit: Permit, payload: Payload, wait?: Within) => Promise<Result<Response, Refusal>>;

/** A function may run for 15 minutes (Lambda quotas); after these milliseconds without an answer the call is lost. */
export const UPSTREAM_TIMEOUT_MS = 15 * 60_000 + 30_000;

export interface SenderOptions {
  readonly credentials: AwsCredentials;
  /** `AWS_ENDPOINT_URL_LAMBDA`. */
  readonly endpoint?: string | undefined;
  readonly timeoutMs?: number;
}

/**
 * Makes the one function that reaches Lambda. It never sends twice: an Invoke is not idempotent, and the runtime calls a
 * lost connection `retryable` even when the request had been sent.
 */
export function createSender({ credentials, endpoint, timeoutMs = UPSTREAM_TIMEOUT_MS }: SenderOptions): SendOnce {
  const sign = createSigner(credentials);
  const places = new Map<string, { readonly origin: string; readonly host: string }>(); // at most one for each region
  const placeOf = (region: string) => {
    let place = places.get(region);
    if (!place) {
      const origin = lambdaEndpoint(region, endpoint);
      place = { origin, host: new URL(origin).host };
      places.set(region, place);
    }
    return place;
  };
  return async (permit, payload, wait = within) => {
    const { path, headers } = buildInvokeRequest(permit);
    const { region } = permit.target;
    const { origin, host } = placeOf(region);
    const signed = sign({ host, region, path, headers, bodySha256: payload.sha256 }, Date.now());
    try {
      // Never follow: a redirect would carry the payload elsewhere, and as a GET.
      const sent = fetch(origin + path, { method: 'POST', headers: signed, body: payload.bytes, redirect: 'manual' });
      return ok(await wait(timeoutMs, sent));
    } catch (error) {
      return no(refuse(error instanceof TimeoutError ? 'upstream-timeout' : 'upstream-unreachable'));
    }
  };
}
