import { createHash } from 'node:crypto';
import type { Outcome } from './case.ts';

/** Maximum bytes of an answer that an outcome holds whole. A larger answer is reduced to its digest and length. */
const MAX_INLINE_BYTES = 1_000_000;

/** Returns the members of an outcome that describe an answer's bytes. */
export function payloadMembers(bytes: Uint8Array): Pick<Outcome, 'payloadBase64' | 'payloadSha256' | 'payloadBytes'> {
  if (bytes.byteLength <= MAX_INLINE_BYTES) return { payloadBase64: Buffer.from(bytes).toString('base64') };
  return { payloadSha256: createHash('sha256').update(bytes).digest('hex'), payloadBytes: bytes.byteLength };
}
