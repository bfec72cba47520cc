import { createLocalJWKSet, type JSONWebKeySet, type JWTVerifyGetKey } from 'jose';
import { createBoundedMap } from '../edge/bounded-map.ts';
import { isLoopback } from '../edge/plain-http.ts';
import { readText } from '../edge/read-text.ts';
import { createRefreshed, type Refreshed, type UnlessLeft } from '../edge/refreshed.ts';
import type { Call } from './call.ts';
import { findSiteFault } from './issuer-site.ts';

/** Older keys are fetched again in the background. A random extra of up to the same time spreads the fetches. */
const FRESH_MS = 300_000;
/** How long keys stay in use while their issuer cannot be reached. */
const MAX_AGE_MS = 3_600_000;
/** Minimum time from a fetch until an unknown key id may cause another fetch. Anybody can invent a key id. */
const ASK_AGAIN_MS = 30_000;
/** How long to wait before asking a failed issuer again. */
const BACKOFF_MS = 5_000;
const FETCH_TIMEOUT_MS = 3_000;
/**
 * For discovery and keys together. A request that waits for another request's fetch also gives up after this time: that
 * request may be gone.
 */
const WAIT_MS = 2 * FETCH_TIMEOUT_MS;
const MAX_DOCUMENT_BYTES = 262_144;
/** Maximum number of issuers that an isolate remembers. The least recently used is dropped first. */
const MAX_ISSUERS = 1_000;

/** An issuer, and the URL of its keys if the tenant gives one. One tenant's URL never applies to another tenant. */
export interface KeySource {
  readonly issuer: string;
  readonly jwksUri?: string | undefined;
}

/** A call that waits for keys. The call stops waiting when its caller leaves. The fetch goes on for other calls. */
export type Waiting = Pick<Call, 'waitUntil' | 'unlessLeft'>;

/** The public keys of issuers, in an isolate's memory. */
export interface IssuerKeys {
  /**
   * Finds the keys of an issuer.
   *
   * @param isKeyUnknown a token names a key that is missing from the keys found before, so the keys must be fetched again.
   * @returns `unavailable` if the keys cannot be fetched now or the caller has left. Undefined if `isKeyUnknown` is
   * true but the keys may not be fetched again yet.
   */
  find(source: KeySource, isKeyUnknown: boolean, call: Waiting): Promise<JWTVerifyGetKey | 'unavailable' | undefined>;
}

export interface IssuerPorts {
  readonly fetch: (url: string, init: RequestInit) => Promise<Response>;
  readonly now: () => number;
  /** At least 0 and less than 1. */
  readonly random: () => number;
  /** Called with the reason why keys could not be fetched. */
  readonly onFailure: (issuer: string, error: unknown) => void;
}

export function createIssuerKeys(ports: IssuerPorts): IssuerKeys {
  const { now, random, onFailure } = ports;
  const known = createBoundedMap<string, Refreshed<JWTVerifyGetKey>>(MAX_ISSUERS);

  const keysOf = (source: KeySource): Refreshed<JWTVerifyGetKey> => {
    const name = JSON.stringify([source.issuer, source.jwksUri]);
    let keys = known.get(name);
    if (!keys) {
      keys = createRefreshed({
        fetch: () => fetchKeys(source, ports),
        now,
        onFailure: (error) => onFailure(source.issuer, error),
        freshMs: () => FRESH_MS * (1 + random()),
        maxAgeMs: MAX_AGE_MS,
        gapMs: ASK_AGAIN_MS,
        backoffMs: BACKOFF_MS,
        timeoutMs: WAIT_MS,
      });
      known.set(name, keys);
    }
    return keys;
  };

  return {
    async find(source, isKeyUnknown, call) {
      const { waitUntil } = call;
      const unlessLeft: UnlessLeft = (value) => call.unlessLeft(value);
      const keys = keysOf(source);
      if (isKeyUnknown && !keys.mayRefresh()) return undefined;
      return (
        (await (isKeyUnknown ? keys.refresh(waitUntil, unlessLeft) : keys.read(waitUntil, unlessLeft))) ?? 'unavailable'
      );
    },
  };
}

/**
 * Fetches an issuer's keys from the URL that the tenant gives, or otherwise from the URL in the issuer's metadata (OpenID
 * Connect Discovery 1.0, 4). The issuer writes its metadata, so `findSiteFault` limits the URL there to the issuer's site.
 */
async function fetchKeys({ issuer, jwksUri }: KeySource, { fetch }: IssuerPorts): Promise<JWTVerifyGetKey> {
  const location = jwksUri ?? (await findKeys(issuer, fetch));
  if (!location.startsWith('https:') && !(isLoopback(issuer) && isLoopback(location))) {
    throw new Error('its jwks_uri is not https');
  }
  return createLocalJWKSet((await fetchJson(location, fetch)) as unknown as JSONWebKeySet);
}

async function findKeys(issuer: string, fetch: IssuerPorts['fetch']): Promise<string> {
  const metadata = await fetchJson(`${issuer.replace(/\/$/, '')}/.well-known/openid-configuration`, fetch);
  // Discovery 1.0, 4.3. Without this check, one issuer could pose as another.
  if (metadata.issuer !== issuer) throw new Error('its metadata names another issuer');
  const { jwks_uri: location } = metadata;
  if (typeof location !== 'string' || !URL.canParse(location)) throw new Error('its metadata has no jwks_uri');
  const fault = findSiteFault(new URL(issuer), new URL(location));
  if (fault !== undefined)
    throw new Error(`its jwks_uri ${fault}; if that is correct, set it as 'jwksUri' of the issuer`);
  return location;
}

async function fetchJson(url: string, fetch: IssuerPorts['fetch']): Promise<Record<string, unknown>> {
  const response = await fetch(url, {
    headers: { accept: 'application/json' },
    redirect: 'manual',
    signal: AbortSignal.timeout(FETCH_TIMEOUT_MS),
  });
  const { status, body } = response;
  if (status !== 200 || !body) {
    await body?.cancel();
    throw new Error(`${url} answered ${status}`);
  }
  const text = await readText(body, MAX_DOCUMENT_BYTES);
  if (text === undefined) throw new Error(`${url} is longer than ${MAX_DOCUMENT_BYTES} bytes`);
  const value: unknown = JSON.parse(text);
  if (typeof value !== 'object' || value === null) throw new Error(`${url} is not a JSON object`);
  return value as Record<string, unknown>;
}
