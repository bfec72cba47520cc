import { encodeBase32 } from '../base32.ts';
import { crc32 } from '../crc32.ts';
import { type Refusal, refuse } from '../refusal.ts';
import { err, ok, type Result } from '../result.ts';
import type { KeyCrypto } from './crypto.ts';
import type { KeyId, KeyIdentity } from './ids.ts';
import type { RootKey } from './root-keys.ts';

/**
 * A bearer key is `postern_<key id>_<52: secret><7: CRC-32>`, all `[a-z0-9_]`. The fixed prefix is for secret scanners. The
 * checksum tells a typing mistake from a forgery. The secret is derived from the key id, so the secret is never stored.
 */
export const API_KEY_PREFIX = 'postern_';
const API_KEY = /^postern_(k[a-z0-9_]{16,120})_[a-z2-7]{59}$/;
const CHECKSUM_LENGTH = 7;

const checksum = (text: string): string => {
  const crc = crc32(text);
  return encodeBase32(Uint8Array.of(crc >>> 24, (crc >>> 16) & 0xff, (crc >>> 8) & 0xff, crc & 0xff));
};

const derive = (crypto: KeyCrypto, rootKey: RootKey, purpose: 'bearer' | 'sigv4', keyId: KeyId) =>
  encodeBase32(crypto.hmacSha256(rootKey.secret, `${purpose}/${keyId}`));

/** Derives the bearer key of a key id. */
export function deriveApiKey(crypto: KeyCrypto, { keyId, rootKey }: Pick<KeyIdentity, 'keyId' | 'rootKey'>): string {
  const text = `${API_KEY_PREFIX}${keyId}_${derive(crypto, rootKey, 'bearer', keyId)}`;
  return text + checksum(text);
}

/** Derives the AWS secret access key of a key id. The AWS access key id is the key id itself. */
export function deriveSecretAccessKey(
  crypto: KeyCrypto,
  { keyId, rootKey }: Pick<KeyIdentity, 'keyId' | 'rootKey'>,
): string {
  return derive(crypto, rootKey, 'sigv4', keyId);
}

/** Reads the key id from a bearer key. Proves nothing. */
export function parseApiKey(text: string): Result<{ readonly keyId: string }, Refusal> {
  const keyId = API_KEY.exec(text)?.[1];
  return keyId === undefined ? err(refuse('key-malformed')) : ok({ keyId });
}

/** Refuses a bearer key that could not be proved. The key's checksum tells a typing mistake from a forgery. */
export function refuseUnproved(text: string): Refusal {
  const isTyped = checksum(text.slice(0, -CHECKSUM_LENGTH)) === text.slice(-CHECKSUM_LENGTH);
  return refuse(isTyped ? 'key-unknown' : 'key-mistyped');
}
