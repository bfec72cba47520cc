import { encodeBase32 } from '../base32.ts';
import type { KeyCrypto } from './crypto.ts';
import type { RootKey, RootKeys } from './root-keys.ts';

declare const tenantIdBrand: unique symbol;
declare const keyIdBrand: unique symbol;
declare const gatewayIdBrand: unique symbol;

/** A tenant id that we minted: its MAC has been verified. `t<version>_<hint><16 random><13 MAC>`. */
export type TenantId = string & { readonly [tenantIdBrand]: true };

/**
 * A key id that we minted: its MAC has been verified. `k<version>_<tenant id>_<8 random><13 MAC>`.
 * It is also the caller's AWS access key id, so it fits `\w{16,128}`.
 */
export type KeyId = string & { readonly [keyIdBrand]: true };

/** Where a tenant's object is created (Cloudflare location hints), by its letter in an id. */
export const LOCATION_HINTS = {
  a: 'wnam',
  b: 'enam',
  c: 'sam',
  d: 'weur',
  e: 'eeur',
  f: 'apac',
  g: 'oc',
  h: 'afr',
  i: 'me',
} as const;
export type HintLetter = keyof typeof LOCATION_HINTS;
export type LocationHint = (typeof LOCATION_HINTS)[HintLetter];

/** A gateway's id, minted once. `g<version>_<16 random>`: no caller shows it, so it needs no MAC. */
export type GatewayId = string & { readonly [gatewayIdBrand]: true };

/** What a tenant id looks like. Only `verifyTenantId` tells whether we minted it. */
export const TENANT_ID = /^t([1-9]\d{0,3})_([a-i])[a-z2-7]{16}[a-z2-7]{13}$/;
const KEY_ID = /^k([1-9]\d{0,3})_(t[1-9]\d{0,3}_[a-i][a-z2-7]{29})_[a-z2-7]{8}[a-z2-7]{13}$/;
const MAC_LENGTH = 13; // 64 bits in base32
const MAC_BYTES = 8;

export const TENANT_RANDOM_BYTES = 10;
export const KEY_RANDOM_BYTES = 5;
export const GATEWAY_RANDOM_BYTES = 10;

const mac = (crypto: KeyCrypto, key: RootKey, purpose: string, text: string) =>
  encodeBase32(crypto.hmacSha256(key.secret, `${purpose}/${text}`).subarray(0, MAC_BYTES));

/** Mints a tenant id from `TENANT_RANDOM_BYTES` random bytes. */
export function mintTenantId(crypto: KeyCrypto, keys: RootKeys, hint: HintLetter, random: Uint8Array): TenantId {
  const body = `t${keys.minting.version}_${hint}${encodeBase32(random)}`;
  return (body + mac(crypto, keys.minting, 'tenant-id', body)) as TenantId;
}

/** Mints a key id of a tenant from `KEY_RANDOM_BYTES` random bytes. */
export function mintKeyId(crypto: KeyCrypto, keys: RootKeys, tenant: TenantId, random: Uint8Array): KeyId {
  const body = `k${keys.minting.version}_${tenant}_${encodeBase32(random)}`;
  return (body + mac(crypto, keys.minting, 'key-id', body)) as KeyId;
}

/** Mints a gateway id from `GATEWAY_RANDOM_BYTES` random bytes. */
export const mintGatewayId = ({ minting }: RootKeys, random: Uint8Array): GatewayId =>
  `g${minting.version}_${encodeBase32(random)}` as GatewayId;

const verify = (crypto: KeyCrypto, key: RootKey | undefined, purpose: string, text: string): boolean =>
  key !== undefined &&
  crypto.timingSafeEqual(mac(crypto, key, purpose, text.slice(0, -MAC_LENGTH)), text.slice(-MAC_LENGTH));

/** Verifies a tenant id with no lookup; undefined for one that we did not mint. */
export function verifyTenantId(crypto: KeyCrypto, keys: RootKeys, text: string): TenantId | undefined {
  const version = TENANT_ID.exec(text)?.[1];
  if (version === undefined) return undefined;
  return verify(crypto, keys.byVersion.get(Number(version)), 'tenant-id', text) ? (text as TenantId) : undefined;
}

/** The root key that a tenant's id names. Everything derived for the tenant is derived from it. */
export const rootKeyOf = (keys: RootKeys, tenantId: TenantId): RootKey | undefined =>
  keys.byVersion.get(Number(TENANT_ID.exec(tenantId)?.[1]));

/** The root key version that a text in the form of a tenant id names; undefined for any other text. Proves nothing. */
export function rootKeyVersionOf(text: string): number | undefined {
  const version = TENANT_ID.exec(text)?.[1];
  return version === undefined ? undefined : Number(version);
}

/** A verified key id, and what it names. */
export interface KeyIdentity {
  readonly keyId: KeyId;
  readonly tenantId: TenantId;
  readonly rootKey: RootKey;
}

/** Verifies a key id with no lookup; undefined for one that we did not mint. Its MAC covers the tenant id in it. */
export function verifyKeyId(crypto: KeyCrypto, keys: RootKeys, text: string): KeyIdentity | undefined {
  const match = KEY_ID.exec(text);
  const rootKey = keys.byVersion.get(Number(match?.[1]));
  if (!match || !rootKey || !verify(crypto, rootKey, 'key-id', text)) return undefined;
  return { keyId: text as KeyId, tenantId: match[2] as TenantId, rootKey };
}

/** Where the object of a tenant is made. */
export function locationHintOf(tenantId: TenantId): LocationHint {
  const letter = TENANT_ID.exec(tenantId)?.[2] as HintLetter;
  return LOCATION_HINTS[letter];
}

const HINT_OF_REGION: readonly (readonly [RegExp, HintLetter])[] = [
  [/^(us-west|us-gov-west|us-iso-west)-/, 'a'],
  [/^(us|ca|mx)-/, 'b'],
  [/^sa-/, 'c'],
  [/^(eu|eusc)-/, 'd'],
  [/^(me|il)-/, 'i'],
  [/^af-/, 'h'],
  [/^ap-southeast-(2|4|6)$/, 'g'],
];

/** The location nearest to an AWS region: the ledger belongs beside the functions that it counts. */
export function nearestHint(region: string): HintLetter {
  return HINT_OF_REGION.find(([prefix]) => prefix.test(region))?.[1] ?? 'f';
}
