import type { Uploader } from '../../core/body-memory/body-memory.ts';
import { TINY_BODY_BYTES } from '../../core/body-memory/limits.ts';
import type { PayloadRoom } from '../../core/policy/payload-too-large.ts';
import { type Refusal, refuse } from '../../core/refusal.ts';
import { err, ok, type Result } from '../../core/result.ts';
import { networkOf } from '../../edge/address-ranges.ts';
import { clientAddress } from '../../edge/client-address.ts';
import { type Body, type BodyFault, readBody } from '../body.ts';
import type { Call } from '../call.ts';
import { recordBody, recordWait } from '../call-record.ts';
import type { Gateway } from '../gateway.ts';
import type { Caller } from '../identify.ts';
import type { Decided } from './decide-call.ts';

/** A call with its body. */
export interface Bodied {
  readonly decided: Decided;
  readonly body: Body;
}

/** Step 4. Reads the body once, within the limits of the memory for bodies. */
export async function readPayload(
  { settings, bodies }: Gateway,
  call: Call,
  decided: Decided,
): Promise<Result<Bodied, Refusal>> {
  const { record, request } = call;
  const { room, identified } = decided;
  const { declaredBytes } = identified.received;
  const body = await readBody(request, {
    maxBytes: room.maxBytes,
    declaredBytes,
    memory: bodies,
    uploader: uploaderOf(request, identified.caller, declaredBytes, settings.clientIpHeader),
    wait: call.stopwatch.within,
    onWaited: (ms) => recordWait(record, ms),
  });
  if (!body.ok) return err(refuseBody(body.error, room));
  recordBody(record, body.value.bytes.length);
  return ok({ decided, body: body.value });
}

/**
 * Step 5. Proves a signed caller, now that the body has arrived.
 *
 * @returns a refusal if the signature does not prove its caller, or if there is no room for the body.
 */
export async function proveSignature(call: Call, { decided, body }: Bodied): Promise<Refusal | undefined> {
  const { finishProof, tenant } = decided.identified;
  if (!finishProof) return refuse('internal'); // fails closed: every unproved caller has `finishProof` by now
  const refusal = finishProof({ bytes: body.bytes.length, sha256: body.sha256 });
  if (refusal) return refusal;
  call.proved = true;
  if (!(await body.prove())) return refuse('busy');
  if (tenant.peek()) tenant.prefetch(); // otherwise the next step asks for the tenant, with a lease
  return undefined;
}

/**
 * Names the uploader, for sharing the memory for bodies. Anybody can name another caller's key, but hardly from the same
 * network. (For the smallest bodies the network is not needed, because they never queue behind longer bodies of the same
 * key. Reading an address is expensive.)
 */
function uploaderOf(
  request: Request,
  { tenantId: tenant, credential }: Caller,
  declaredBytes: number | undefined,
  clientIpHeader: string | undefined,
): Uploader {
  if (credential.kind !== 'signature') return { tenant };
  const { keyId } = credential.key;
  const isTiny = declaredBytes !== undefined && declaredBytes <= TINY_BODY_BYTES;
  if (isTiny) return { tenant, unprovedKey: keyId };
  return { tenant, unprovedKey: keyId, network: networkOf(clientAddress(request, clientIpHeader)) };
}

function refuseBody(fault: BodyFault, room: PayloadRoom): Refusal {
  switch (fault.kind) {
    case 'too-large':
      return refuse('payload-too-large', room, fault.bytes);
    case 'busy':
      return refuse('busy');
    case 'incomplete':
      return refuse('payload-incomplete');
  }
}
