/**
 * Upper limits of a signed request, checked before anything of it is parsed or hashed. A real client is far below each
 * (the AWS SDKs sign about 10 headers). Above them, a request that proves nothing would cost us more than one that does.
 */
export const SIGNATURE_LIMITS = {
  /** Characters of an Authorization header that is a signature. */
  maxAuthorizationLength: 8_192,
  /** Names in SignedHeaders. */
  maxSignedHeaders: 64,
  /** Characters of each of them. */
  maxHeaderNameLength: 128,
  /** Characters of all signed values together. */
  maxSignedLength: 8_192,
  /** Characters of X-Amz-Date or Date. */
  maxDateLength: 64,
  /** Ways to read the commas of signed values. */
  maxReadings: 8,
  /** Characters of canonical request that all readings may hash together; the first is always hashed. */
  maxReadLength: 32_768,
} as const;
