/** The cryptographic functions for ids and keys. Core does not implement these functions; its callers pass them in. */
export interface KeyCrypto {
  /** HMAC-SHA256 of UTF-8 text (RFC 2104): 32 bytes. */
  readonly hmacSha256: (key: Uint8Array, text: string) => Uint8Array;
  /** True if the two texts are equal. The time that this takes depends only on the lengths of the texts. */
  readonly timingSafeEqual: (a: string, b: string) => boolean;
}

/** The cryptographic functions that prove a signature. */
export interface ProofCrypto extends KeyCrypto {
  /** SHA-256 of UTF-8 text, in lower-case hex. */
  readonly sha256Hex: (text: string) => string;
}
