/**
 * Upper limits of a signed request, checked before the work that they bound: parsing and hashing. Real clients stay far
 * below every limit (the AWS SDKs sign about 10 headers). Above these limits, a request that proves nothing would cost us
 * more work than a request that proves its caller.
 */
export const SIGNATURE_LIMITS = {
  /** Characters of an Authorization header that contains a signature. */
  maxAuthorizationLength: 8_192,
  /** Names in SignedHeaders. */
  maxSignedHeaders: 64,
  /** Characters of each name in SignedHeaders. */
  maxHeaderNameLength: 128,
  /** Characters of the values of all signed headers together. */
  maxSignedLength: 8_192,
  /** Characters of X-Amz-Date or Date. */
  maxDateLength: 64,
  /** Number of ways in which we try to read the commas of signed values. */
  maxReadings: 8,
  /** Characters of canonical requests that we hash for all readings together. The first reading is always hashed. */
  maxReadLength: 32_768,
} as const;
