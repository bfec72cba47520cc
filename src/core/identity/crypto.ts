/** The primitives for ids and keys. Core has none of its own; its callers pass them in. */
export interface KeyCrypto {
  /** HMAC-SHA256 of UTF-8 text (RFC 2104): 32 bytes. */
  readonly hmacSha256: (key: Uint8Array, text: string) => Uint8Array;
  /** Compares in time that depends on the lengths only; false when they differ. */
  readonly timingSafeEqual: (a: string, b: string) => boolean;
}

/** What proving a signature needs as well. */
export interface ProofCrypto extends KeyCrypto {
  /** SHA-256 of UTF-8 text, in lower-case hex. */
  readonly sha256Hex: (text: string) => string;
}
