import { checkPayloadType } from '../../core/invoke/arguments.ts';
import { explainFault } from '../../core/invoke/json-check.ts';
import type { Permit } from '../../core/policy/permit.ts';
import { type Refusal, refuse } from '../../core/refusal.ts';
import { err, ok, type Result } from '../../core/result.ts';
import type { Settings } from '../../core/settings.ts';
import type { Reservation } from '../../tenants/tenant-handle.ts';
import type { Body } from '../body.ts';
import type { Call } from '../call.ts';
import type { Gateway } from '../gateway.ts';
import { isJson } from '../json/is-json.ts';
import type { Permitted } from './decide-call.ts';
import { chargeMistake, loadTenant, refuseUnknown } from './load-tenant.ts';
import type { Bodied } from './read-payload.ts';

/** A call that will be forwarded. Its place under the tenant's limits is reserved. */
export interface Reserved {
  readonly permit: Permit;
  readonly body: Body;
  readonly reservation: Reservation;
}

/**
 * Steps 6 and 7, for a proved caller. Reserves the call from a lease at hand, or otherwise from the tenant's ledger. Then
 * validates the payload. This order keeps a caller above its limits from having its payloads checked.
 */
export async function reserveCall(
  { settings }: Gateway,
  call: Call,
  { decided, body }: Bodied,
): Promise<Result<Reserved, Refusal>> {
  const { decider, loading, identified } = decided;
  const { tenant } = identified;
  const { bytes } = body;
  if (loading && !(await call.unlessLeft(loading))) return err(refuseUnknown(call));
  const known = tenant.peek() ?? (await loadTenant(tenant, call, bytes.length));
  const permitted = decider.decideWithBody(known, bytes.length);
  if (!permitted.ok) return err(await chargeMistake(tenant, call, permitted.error));

  const reserved = await tenant.reserve(bytes.length, call.left);
  if (!reserved.ok) return reserved;
  const reservation = reserved.value;
  const mistake = checkPayload(settings, permitted.value, bytes);
  if (mistake) {
    reservation.cancel(); // returns the quotas and the slot, but not the unit of the rate
    return err(mistake);
  }
  const stillPermitted = decider.decideWithBody(tenant.peek() ?? (await loadTenant(tenant, call)), bytes.length);
  if (!stillPermitted.ok) {
    reservation.cancel();
    return stillPermitted;
  }
  return ok({ permit: stillPermitted.value.permit, body, reservation });
}

/** Checks that a payload can be an event. The arguments are already known to be valid. */
function checkPayload(
  { contentTypes, checkJson }: Pick<Settings, 'contentTypes' | 'checkJson'>,
  { permit, args }: Permitted,
  bytes: Uint8Array,
): Refusal | undefined {
  // If any content type is accepted, the payload itself must be JSON.
  const isLenient = (permit.contentTypes ?? contentTypes) === 'lenient';
  const ofType = isLenient ? undefined : checkPayloadType(args, bytes.length);
  if (ofType || !(checkJson || isLenient) || bytes.length === 0 || isJson(bytes)) return ofType;
  const fault = explainFault(bytes);
  return fault && refuse('payload-not-json', fault);
}
