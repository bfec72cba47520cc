import { jwksUriOf, namesIssuer } from '../../core/identity/issuers.ts';
import { checkPayloadLength } from '../../core/policy/decide.ts';
import { type Refusal, refuse, refuseLeft } from '../../core/refusal.ts';
import { err, ok, type Result } from '../../core/result.ts';
import type { TenantHandle } from '../../tenants/tenant-handle.ts';
import type { Call } from '../call.ts';
import { recordCaller, recordToken } from '../call-record.ts';
import type { Gateway } from '../gateway.ts';
import { type Caller, identify } from '../identify.ts';
import { type Token, verifyTokenSignature } from '../token.ts';
import { beginProof, type FinishProof } from '../verify-signature.ts';
import { loadTenant, refuseUnknown } from './load-tenant.ts';
import type { Received } from './receive.ts';

/** The caller. An API key is proved. A token is not proved yet, and a signature only as far as possible without the body. */
export interface Identified {
  readonly received: Received;
  readonly caller: Caller;
  readonly tenant: TenantHandle;
  /** Completes the proof of a signed caller with the body. */
  readonly finishProof: FinishProof | undefined;
}

/** Step 2. Finds the caller without a lookup. */
export function identifyCaller(
  { keyring, tenants, crypto, now }: Gateway,
  call: Call,
  received: Received,
): Result<Identified, Refusal> {
  const { request, record } = call;
  const { headers } = request;
  const { query, operationRoom, declaredBytes } = received;
  const identified = identify({ isExposed: call.isExposed, query, headers, keyring, nowMs: now() });
  if (!identified.ok) return identified;
  const caller = identified.value;
  const { tenantId, credential } = caller;
  recordCaller(record, tenantId, credential.kind === 'token' ? undefined : credential.key.keyId);
  const tenant = tenants.open(tenantId, call.waitUntil);
  call.tenant = tenant;
  call.proved = credential.kind === 'api-key';
  const tooLarge = declaredBytes === undefined ? undefined : checkPayloadLength(operationRoom, declaredBytes);
  if (tooLarge) return err(tooLarge);
  if (credential.kind !== 'signature') return ok({ received, caller, tenant, finishProof: undefined });

  const head = {
    claim: credential.claim,
    method: request.method,
    rawPath: received.rawPath,
    query,
    headers,
    clientAcceptEncoding: request.cf?.clientAcceptEncoding as string | undefined,
  };
  const begun = beginProof(head, credential.key.secretAccessKey, crypto);
  return begun.ok ? ok({ received, caller, tenant, finishProof: begun.value }) : begun;
}

/**
 * Proves a token with the keys of its issuer. Keys are fetched only from issuers that the tenant names.
 *
 * @returns a refusal if the token does not prove its caller.
 */
export async function proveToken(
  { issuerKeys, now }: Gateway,
  call: Call,
  tenant: TenantHandle,
  token: Token,
): Promise<Refusal | undefined> {
  const { claims } = token;
  const known = tenant.peek() ?? (await loadTenant(tenant, call));
  if (!known) return refuseUnknown(call);
  if (!known.exists || !namesIssuer(known, claims.issuer)) return refuse('token-not-accepted');
  const refusal = await verifyTokenSignature(token, issuerKeys, now(), call, jwksUriOf(known, claims.issuer));
  if (refusal) return call.isLeft ? refuseLeft() : refusal;
  call.proved = true;
  recordToken(call.record, claims);
  return undefined;
}
