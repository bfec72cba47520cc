import { decodeBase64 } from '../base64.ts';
import { err, ok, type Result } from '../result.ts';

/** One version of the root key. */
export interface RootKey {
  readonly version: number;
  readonly secret: Uint8Array;
}

/** The live root keys. The first key mints new ids; every key verifies ids. */
export interface RootKeys {
  readonly minting: RootKey;
  readonly byVersion: ReadonlyMap<number, RootKey>;
}

/** Minimum length of a root key, in bytes: the output size of SHA-256 (RFC 2104 section 3). */
export const MIN_ROOT_KEY_BYTES = 32;
/** Minimum number of different bytes in a root key. 32 random bytes have fewer with a probability of 10^-37. */
const MIN_DISTINCT_BYTES = 8;
const MAX_VERSION = 9999;

/**
 * Parses `POSTERN_ROOT_KEYS`: `2:<base64>,1:<base64>`.
 *
 * @returns the keys, or a sentence that says what is wrong and contains no part of a key.
 */
export function parseRootKeys(text: string): Result<RootKeys, string> {
  const byVersion = new Map<number, RootKey>();
  for (const entry of text.split(',')) {
    const match = /^([1-9]\d{0,3}):(.*)$/.exec(entry.trim());
    if (!match) return err(`must be 'VERSION:BASE64', or several separated by commas; VERSION is 1 to ${MAX_VERSION}`);
    const version = Number(match[1]);
    const secret = decodeBase64(match[2] ?? '');
    if (!secret) return err(`version ${version} is not valid base64`);
    if (secret.length < MIN_ROOT_KEY_BYTES) {
      return err(
        `version ${version} has ${secret.length} bytes; make one of ${MIN_ROOT_KEY_BYTES}: openssl rand -base64 32`,
      );
    }
    if (new Set(secret).size < MIN_DISTINCT_BYTES) {
      return err(
        `version ${version} is easy to guess, too many of its bytes repeat; make one with: openssl rand -base64 32`,
      );
    }
    if (byVersion.has(version)) return err(`has version ${version} twice`);
    // This comparison finds an operator's mistake before any request is served, so its timing reveals nothing to callers.
    const same = [...byVersion.values()].find((other) => `${other.secret}` === `${secret}`);
    if (same) {
      return err(
        `versions ${same.version} and ${version} hold the same key: make another with: openssl rand -base64 32`,
      );
    }
    byVersion.set(version, { version, secret });
  }
  const [minting] = byVersion.values();
  return minting ? ok({ minting, byVersion }) : err('must hold at least one key');
}
