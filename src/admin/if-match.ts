/** An entity tag (RFC 9110 section 8.8.3), weak or strong. */
const ENTITY_TAG = /(?:W\/)?"([\x21\x23-\x7e\x80-\xff]*)"/g;
const VERSION = /^[1-9]\d{0,14}$/;

/**
 * Reads `If-Match` (RFC 9110 section 13.1.1): the versions of a tenant that a change applies to. Undefined: any version.
 * A tag that we never issued is not a version, so a header that has only such tags matches nothing: fails closed.
 * A weak tag counts like a strong tag, although the RFC requires strong tags here. An edge that compresses an answer
 * weakens the tag, but the version of the tenant is still the same.
 */
export function parseIfMatch(value: string | undefined): readonly number[] | undefined {
  if (value === undefined || value.trim() === '*') return undefined;
  const tags = [...value.matchAll(ENTITY_TAG)].map(([, opaque = '']) => opaque);
  return tags.filter((opaque) => VERSION.test(opaque)).map(Number);
}
