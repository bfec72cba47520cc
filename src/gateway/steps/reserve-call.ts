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

/** A call that will be forwarded: it has its place under its tenant's limits. */
export interface Reserved {
  readonly permit: Permit;
  readonly body: Body;
  readonly reservation: Reservation;
}

/**
 * Steps 6 and 7, for a proved caller. Reserves from what is leased here, or else from the tenant's ledger; then validates.
 * In that order, so that a caller above its limits cannot have its payloads checked.
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
    reservation.cancel(); // quotas and slot come back; the unit of the rate is spent
    return err(mistake);
  }
  const stillPermitted = decider.decideWithBody(tenant.peek() ?? (await loadTenant(tenant, call)), bytes.length);
  if (!stillPermitted.ok) {
    reservation.cancel();
    return stillPermitted;
  }
  return ok({ permit: stillPermitted.value.permit, body, reservation });
}

/** Checks that a payload can be an event. The arguments are valid by now. */
function checkPayload(
  { contentTypes, checkJson }: Pick<Settings, 'contentTypes' | 'checkJson'>,
  { permit, args }: Permitted,
  bytes: Uint8Array,
): Refusal | undefined {
  // Where any type is taken, the payload itself has to show that it is JSON.
  const isLenient = (permit.contentTypes ?? contentTypes) === 'lenient';
  const ofType = isLenient ? undefined : checkPayloadType(args, bytes.length);
  if (ofType || !(checkJson || isLenient) || bytes.length === 0 || isJson(bytes)) return ofType;
  const fault = explainFault(bytes);
  return fault && refuse('payload-not-json', fault);
}
