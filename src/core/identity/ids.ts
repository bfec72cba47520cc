import { encodeBase32 } from '../base32.ts';
import type { KeyCrypto } from './crypto.ts';
import type { RootKey, RootKeys } from './root-keys.ts';

declare const tenantIdBrand: unique symbol;
declare const keyIdBrand: unique symbol;
declare const gatewayIdBrand: unique symbol;

/** A tenant id that we minted, `t<version>_<hint><16 random><13 MAC>`. The id's MAC has been verified. */
export type TenantId = string & { readonly [tenantIdBrand]: true };

/**
 * A key id that we minted, `k<version>_<tenant id>_<8 random><13 MAC>`. The id's MAC has been verified.
 * A key id is also the caller's AWS access key id, so it matches `\w{16,128}`.
 */
export type KeyId = string & { readonly [keyIdBrand]: true };

/** Cloudflare location hints, which say where a tenant's object is created. A tenant id contains the hint's letter. */
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

/** A gateway's id, `g<version>_<16 random>`, minted once. The id needs no MAC, because no caller presents the id. */
export type GatewayId = string & { readonly [gatewayIdBrand]: true };

/** The form of a tenant id. Only `verifyTenantId` tells whether we minted an id of this form. */
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

/** Mints a key id for a tenant from `KEY_RANDOM_BYTES` random bytes. */
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

/** Verifies a tenant id without a lookup. Undefined if we did not mint the id. */
export function verifyTenantId(crypto: KeyCrypto, keys: RootKeys, text: string): TenantId | undefined {
  const version = TENANT_ID.exec(text)?.[1];
  if (version === undefined) return undefined;
  return verify(crypto, keys.byVersion.get(Number(version)), 'tenant-id', text) ? (text as TenantId) : undefined;
}

/** Returns the root key that a tenant's id names. Everything derived for the tenant is derived from that key. */
export const rootKeyOf = (keys: RootKeys, tenantId: TenantId): RootKey | undefined =>
  keys.byVersion.get(Number(TENANT_ID.exec(tenantId)?.[1]));

/** Returns the root key version in a text that has the form of a tenant id. Undefined for any other text. Proves nothing. */
export function rootKeyVersionOf(text: string): number | undefined {
  const version = TENANT_ID.exec(text)?.[1];
  return version === undefined ? undefined : Number(version);
}

/** A verified key id, with the tenant id and the root key that it names. */
export interface KeyIdentity {
  readonly keyId: KeyId;
  readonly tenantId: TenantId;
  readonly rootKey: RootKey;
}

/** Verifies a key id without a lookup. Undefined if we did not mint the id. The MAC of a key id covers its tenant id too. */
export function verifyKeyId(crypto: KeyCrypto, keys: RootKeys, text: string): KeyIdentity | undefined {
  const match = KEY_ID.exec(text);
  const rootKey = keys.byVersion.get(Number(match?.[1]));
  if (!match || !rootKey || !verify(crypto, rootKey, 'key-id', text)) return undefined;
  return { keyId: text as KeyId, tenantId: match[2] as TenantId, rootKey };
}

/** Returns the location hint with which a tenant's object is created. */
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

/** Returns the location hint nearest to an AWS region. The ledger belongs near the functions whose calls it counts. */
export function nearestHint(region: string): HintLetter {
  return HINT_OF_REGION.find(([prefix]) => prefix.test(region))?.[1] ?? 'f';
}
