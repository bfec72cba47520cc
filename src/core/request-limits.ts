import { type Refusal, refuse } from './refusal.ts';

/**
 * Upper limits of any request, checked before any part of the request is parsed. Every limit is well above the needs of an
 * honest call. The limits bound the work that an unproved caller can cause.
 */
export const REQUEST_LIMITS = {
  /** Characters. A function name of 256 characters, each percent-encoded, needs 821. */
  maxPathLength: 1_024,
  /** Characters. A presigned request with the longest client context, percent-encoded, needs 13,000. */
  maxQueryLength: 16_384,
  maxParameters: 64,
  /** Header names. An SDK behind three proxies sends 40. */
  maxHeaders: 256,
  /** Characters of `x-api-key`. A key has at most 189. */
  maxApiKeyLength: 256,
  /** Characters of `Authorization`: enough for a token. A signature has a separate limit. */
  maxAuthorizationLength: 16_400,
} as const;

/** Checks that a request line is no longer than that of an honest call. Parses nothing. */
export function checkRequestLine(rawPath: string, rawQuery: string): Refusal | undefined {
  const { maxPathLength, maxQueryLength, maxParameters } = REQUEST_LIMITS;
  if (rawPath.length > maxPathLength) return refuse('uri-too-long', 'path', maxPathLength);
  if (rawQuery.length > maxQueryLength) return refuse('uri-too-long', 'query', maxQueryLength);
  let parameters = 1;
  for (let at = rawQuery.indexOf('&'); at >= 0; at = rawQuery.indexOf('&', at + 1)) parameters += 1;
  return parameters > maxParameters ? refuse('parameters-too-many', maxParameters) : undefined;
}

/**
 * Checks that a request has no more headers than an honest call.
 *
 * Threat: the runtime keeps headers outside V8's heap (3 MB for 12,000 tiny headers) until V8 happens to collect garbage. So
 * 700 calls with a valid key could use up a gateway's memory.
 */
export function checkHeaderCount(names: Iterable<string>): Refusal | undefined {
  const { maxHeaders } = REQUEST_LIMITS;
  let count = 0;
  for (const _ of names) if (++count > maxHeaders) return refuse('headers-too-many', maxHeaders);
  return undefined;
}

/** Checks that credentials are no longer than valid credentials can be. Looks at lengths only. */
export function checkCredentialLengths(
  apiKey: string | undefined,
  authorization: string | undefined,
): Refusal | undefined {
  const { maxApiKeyLength, maxAuthorizationLength } = REQUEST_LIMITS;
  if (apiKey !== undefined && apiKey.length > maxApiKeyLength) {
    return refuse('credentials-too-long', 'x-api-key', maxApiKeyLength);
  }
  if (authorization !== undefined && authorization.length > maxAuthorizationLength) {
    return refuse('credentials-too-long', 'Authorization', maxAuthorizationLength);
  }
  return undefined;
}
