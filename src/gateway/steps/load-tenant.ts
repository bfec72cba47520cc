import { isMistake, type Refusal, refuse, refuseLeft } from '../../core/refusal.ts';
import type { TenantHandle } from '../../tenants/tenant-handle.ts';
import type { Call } from '../call.ts';

/**
 * Asks for a tenant that is not known here. Undefined if it cannot be known, or the caller has left.
 *
 * @param bytes length of the payload: asks for a lease too.
 */
export const loadTenant = (tenant: TenantHandle, call: Call, bytes?: number) => call.unlessLeft(tenant.load(bytes));

/** Refuses a call whose tenant is not known: its caller did not wait, or its object cannot be reached. */
export const refuseUnknown = (call: Call): Refusal => (call.isLeft ? refuseLeft() : refuse('state-unavailable'));

/**
 * Charges one unit of the rate for a proved caller's mistake: without it, no limit would hold for calls that are none.
 *
 * @returns the refusal to answer.
 */
export async function chargeMistake(tenant: TenantHandle, call: Call, refusal: Refusal): Promise<Refusal> {
  return (isMistake(refusal) ? await call.unlessLeft(tenant.chargeRate()) : undefined) ?? refusal;
}
