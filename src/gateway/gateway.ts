import type { BodyMemory } from '../core/body-memory/body-memory.ts';
import type { ProofCrypto } from '../core/identity/crypto.ts';
import type { Settings } from '../core/settings.ts';
import type { Keyring } from '../edge/keyring.ts';
import type { Tenants } from '../tenants/tenants.ts';
import type { SendOnce } from '../upstream/send.ts';
import type { IssuerKeys } from './issuer-keys.ts';

/** The services that a call needs. Each isolate has one `Gateway`. */
export interface Gateway {
  readonly settings: Settings;
  readonly keyring: Keyring;
  readonly crypto: ProofCrypto;
  readonly tenants: Tenants;
  readonly issuerKeys: IssuerKeys;
  readonly bodies: BodyMemory;
  readonly send: SendOnce;
  readonly now: () => number;
}
