import { encodeBase32 } from '../base32.ts';
import type { KeyCrypto } from './crypto.ts';
import type { RootKey, RootKeys } from './root-keys.ts';

declare const adminTokenIdBrand: unique symbol;

/** An admin token's id, `a<version>_<16 random>`. The id needs no MAC, because the token's secret proves the id. */
export type AdminTokenId = string & { readonly [adminTokenIdBrand]: true };

/** The access that an admin token gives: full access, or read-only access. */
export type AdminAccess = 'full' | 'read';
export const ADMIN_ACCESSES = ['full', 'read'] as const satisfies readonly AdminAccess[];

/** Maximum number of admin tokens that can be live at once. */
export const MAX_ADMIN_TOKENS = 100;

/** `posternadmin_<id>_<52: secret>`. As in an API key, the prefix is for secret scanners, and the secret is never stored. */
const ADMIN_TOKEN = /^posternadmin_(a([1-9]\d{0,3})_[a-z2-7]{16})_([a-z2-7]{52})$/;
export const ADMIN_TOKEN_RANDOM_BYTES = 10;

const derive = (crypto: KeyCrypto, key: RootKey, id: string) =>
  encodeBase32(crypto.hmacSha256(key.secret, `admin-token/${id}`));

/** Mints the id of an admin token from `ADMIN_TOKEN_RANDOM_BYTES` random bytes. */
export const mintAdminTokenId = ({ minting }: RootKeys, random: Uint8Array): AdminTokenId =>
  `a${minting.version}_${encodeBase32(random)}` as AdminTokenId;

/** Derives the token of an id that was just minted. */
export const deriveAdminToken = (crypto: KeyCrypto, keys: RootKeys, id: AdminTokenId): string =>
  `posternadmin_${id}_${derive(crypto, keys.minting, id)}`;

/** Proves an admin token without a lookup. Only the directory knows whether the token is live. */
export function proveAdminToken(crypto: KeyCrypto, keys: RootKeys, text: string): AdminTokenId | undefined {
  const [, id = '', version, secret = ''] = ADMIN_TOKEN.exec(text) ?? [];
  const rootKey = keys.byVersion.get(Number(version));
  if (!rootKey) return undefined;
  return crypto.timingSafeEqual(derive(crypto, rootKey, id), secret) ? (id as AdminTokenId) : undefined;
}
