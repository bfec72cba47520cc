import { createHash, createHmac, timingSafeEqual } from 'node:crypto';
import type { ProofCrypto } from '../core/identity/crypto.ts';

const utf8 = new TextEncoder();

/** The cryptographic primitives for ids, keys and signatures, built on the runtime's native crypto. */
export const keyCrypto: ProofCrypto = {
  hmacSha256: (key, text) => createHmac('sha256', key).update(text).digest(),
  sha256Hex: (text) => createHash('sha256').update(text).digest('hex'),
  timingSafeEqual: (a, b) => {
    const left = utf8.encode(a);
    const right = utf8.encode(b);
    return left.length === right.length && timingSafeEqual(left, right);
  },
};
