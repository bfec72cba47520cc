import type { KeyId } from '../core/identity/ids.ts';
import type { FieldFault } from '../document/field-faults.ts';

/** The reason why an operation failed. The operation changed nothing. Each front door words the reason itself. */
export type Failure =
  /** The operator's access does not cover the operation. */
  | { readonly kind: 'access' }
  | { readonly kind: 'not-found'; readonly what: 'tenant' | 'key' | 'tenant or key' | 'admin token' }
  /** `tenant` cannot be verified, because this root key version is not in the settings. */
  | { readonly kind: 'root-key-missing'; readonly tenant: string; readonly version: number }
  /** `tenant` is listed, but was created with another root key of this version than the one in the settings. */
  | { readonly kind: 'root-key-wrong'; readonly tenant: string; readonly version: number }
  | { readonly kind: 'invalid'; readonly faults: readonly FieldFault[] }
  /** The tenant's current version is not one that the change applies to. */
  | { readonly kind: 'other-version'; readonly version?: number }
  /** The audit trail is full. Entries younger than 90 days are never dropped. The root token may still make changes. */
  | { readonly kind: 'trail-full' }
  | { readonly kind: 'too-many-keys'; readonly max: number }
  | { readonly kind: 'too-many-tokens'; readonly max: number }
  | { readonly kind: 'key-expired' }
  | { readonly kind: 'name-taken' }
  /** The successor's secret was shown only once. An operator who has lost the secret must create a new key. */
  | { readonly kind: 'already-rotated'; readonly successor: KeyId };
