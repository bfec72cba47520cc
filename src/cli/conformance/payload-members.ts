import { createHash } from 'node:crypto';
import type { Outcome } from './case.ts';

/** An outcome holds an answer of up to this many bytes whole, and only the digest and length of a larger one. */
const MAX_INLINE_BYTES = 1_000_000;

/** How an outcome tells of an answer's bytes. */
export function payloadMembers(bytes: Uint8Array): Pick<Outcome, 'payloadBase64' | 'payloadSha256' | 'payloadBytes'> {
  if (bytes.byteLength <= MAX_INLINE_BYTES) return { payloadBase64: Buffer.from(bytes).toString('base64') };
  return { payloadSha256: createHash('sha256').update(bytes).digest('hex'), payloadBytes: bytes.byteLength };
}
