import { createHmac, timingSafeEqual } from 'node:crypto';
import type { KeyCrypto } from '../core/tenancy/crypto.ts';

const utf8 = new TextEncoder();

/** The primitives of ids and keys, by the runtime's native crypto. */
export const keyCrypto: KeyCrypto = {
  hmacSha256: (key, text) => createHmac('sha256', key).update(text).digest(),
  timingSafeEqual: (a, b) => {
    const left = utf8.encode(a);
    const right = utf8.encode(b);
    return left.length === right.length && timingSafeEqual(left, right);
  },
};
