/** Bytes of request bodies that an isolate holds at once: under half of its 128 MB, for each is also in flight out. */
export const BODY_BUDGET_BYTES = 48 * 1024 * 1024;

/** Counts the bytes of request bodies that an isolate holds. */
export interface BodyBudget {
  /** Takes bytes, all or none. */
  take(bytes: number): boolean;
  give(bytes: number): void;
}

export function createBodyBudget(limitBytes: number): BodyBudget {
  let heldBytes = 0;
  return {
    take(bytes) {
      if (heldBytes + bytes > limitBytes) return false;
      heldBytes += bytes;
      return true;
    },
    give(bytes) {
      heldBytes -= bytes;
    },
  };
}
