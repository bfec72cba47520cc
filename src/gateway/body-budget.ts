/** Bytes of request bodies that an isolate holds at once: under half of its 128 MB, for each is also in flight out. */
export const BODY_BUDGET_BYTES = 48 * 1024 * 1024;
/** Of which one tenant may hold so many, so that its uploads never shut the others out. */
export const TENANT_BODY_BYTES = 36 * 1024 * 1024;

/** A tenant's part of the bytes of request bodies that an isolate holds. */
export interface BodyShare {
  /** Takes bytes, all or none. */
  take(bytes: number): boolean;
  give(bytes: number): void;
}

/** Counts the bytes of request bodies that an isolate holds. */
export interface BodyBudget {
  shareOf(tenant: string): BodyShare;
}

export function createBodyBudget(limitBytes: number, tenantLimitBytes: number = limitBytes): BodyBudget {
  let heldBytes = 0;
  const heldByTenant = new Map<string, number>(); // only tenants that hold something
  return {
    shareOf: (tenant) => ({
      take(bytes) {
        const held = heldByTenant.get(tenant) ?? 0;
        if (heldBytes + bytes > limitBytes || held + bytes > tenantLimitBytes) return false;
        heldBytes += bytes;
        heldByTenant.set(tenant, held + bytes);
        return true;
      },
      give(bytes) {
        heldBytes -= bytes;
        const left = (heldByTenant.get(tenant) ?? 0) - bytes;
        if (left > 0) heldByTenant.set(tenant, left);
        else heldByTenant.delete(tenant);
      },
    }),
  };
}
