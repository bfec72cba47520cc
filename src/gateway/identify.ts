import { type Refusal, refuse } from '../core/refusal.ts';
import { no, type Result } from '../core/result.ts';
import type { KeyIdentity } from '../core/tenancy/ids.ts';
import { proveApiKey } from '../core/tenancy/keys.ts';
import type { RootKeys } from '../core/tenancy/root-keys.ts';
import { keyCrypto } from './key-crypto.ts';
import { isExposed } from './plain-http.ts';

const BEARER = /^bearer +(\S+)$/i;
const SIGNED = /^AWS4-/;

/** Says who calls, proved with no lookup. Whether the key still lives is for the tenant's state to say. */
export function identify(url: string, headers: Headers, rootKeys: RootKeys): Result<KeyIdentity, Refusal> {
  const apiKey = headers.get('x-api-key') || undefined;
  const authorization = headers.get('authorization') || undefined;
  if (apiKey === undefined && authorization === undefined) {
    return no(refuse(url.includes('X-Amz-Algorithm=') ? 'signed-caller' : 'no-credentials'));
  }
  if (apiKey !== undefined && authorization !== undefined) return no(refuse('credentials-ambiguous'));
  if (authorization !== undefined && SIGNED.test(authorization)) return no(refuse('signed-caller'));
  if (isExposed(url)) return no(refuse('plain-http'));

  const key = apiKey ?? BEARER.exec(authorization ?? '')?.[1];
  return key === undefined ? no(refuse('key-malformed')) : proveApiKey(keyCrypto, rootKeys, key);
}
