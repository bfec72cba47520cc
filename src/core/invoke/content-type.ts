const JSON_TYPE =
  /^(application\/json|text\/json|application\/[a-z0-9!#$&^_.+-]+\+json|application\/x-amz-json-1\.[01])$/;

/** Types that AWS SDKs send with a JSON payload (measured: JS v3, Go v2 and Rust send the first type, JS v2 the second). */
const SDK_TYPES = new Set(['application/octet-stream', 'binary/octet-stream']);

const OTHER_CHARSET = /;\s*charset\s*=\s*(?!"?utf-?8"?\s*(;|$))/i;

/**
 * True if an Invoke may have this Content-Type: a JSON type (including `+json`, RFC 6839), a type that SDKs send, or none.
 * JSON is UTF-8 (RFC 8259 section 8.1), so a JSON type may have no other charset. Some clients spell UTF-8 as `UTF8`.
 */
export function isAcceptedContentType(contentType: string | undefined): boolean {
  if (contentType === undefined || contentType === 'application/json' || contentType.trim() === '') return true;
  const semicolon = contentType.indexOf(';');
  const essence = (semicolon < 0 ? contentType : contentType.slice(0, semicolon)).trim().toLowerCase();
  if (SDK_TYPES.has(essence)) return true;
  return JSON_TYPE.test(essence) && !OTHER_CHARSET.test(contentType);
}
