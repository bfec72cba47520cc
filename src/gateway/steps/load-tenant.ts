import { isMistake, type Refusal, refuse, refuseLeft } from '../../core/refusal.ts';
import type { TenantHandle } from '../../tenants/tenant-handle.ts';
import type { Call } from '../call.ts';

/**
 * Requests a tenant that this isolate does not know. Undefined if the tenant's object does not answer or the caller left.
 *
 * @param bytes length of the payload. If given, the request also asks for a lease.
 */
export const loadTenant = (tenant: TenantHandle, call: Call, bytes?: number) => call.unlessLeft(tenant.load(bytes));

/** Refuses a call whose tenant is unknown, because the caller left or the tenant's object cannot be reached. */
export const refuseUnknown = (call: Call): Refusal => (call.isLeft ? refuseLeft() : refuse('state-unavailable'));

/**
 * Charges one unit of the rate for a proved caller's mistake. Otherwise, no limit would apply to invalid calls.
 *
 * @returns the refusal to answer.
 */
export async function chargeMistake(tenant: TenantHandle, call: Call, refusal: Refusal): Promise<Refusal> {
  return (isMistake(refusal) ? await call.unlessLeft(tenant.chargeRate()) : undefined) ?? refusal;
}
