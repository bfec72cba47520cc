import { compilePolicy, type Policy } from '../core/policy/policy.ts';
import type { TenantId } from '../core/tenancy/ids.ts';
import type { LiveTenant, TenantSnapshot } from '../core/tenancy/tenant.ts';

/** A snapshot is served without a question for so long... */
export const FRESH_MS = 1_000;
/** ...and for so long while a question is under way: less than the 5 s within which a revocation holds everywhere. */
const MAX_AGE_MS = 4_000;
/** A question without an answer for so long is lost: whoever asked it may be gone, and its promise with it. */
const ASK_TIMEOUT_MS = 2_000;
/** Tenants that an isolate remembers; the longest unasked goes first. */
const MAX_TENANTS = 10_000;

/** Asks a tenant's object for its snapshot. */
export type AskTenant = (tenantId: TenantId) => Promise<TenantSnapshot>;

/** Keeps a request's promise alive after its answer (`ctx.waitUntil`). */
export type WaitUntil = (promise: Promise<unknown>) => void;

/** A tenant as its calls need it. */
export type KnownTenant = { readonly exists: false } | (Omit<LiveTenant, 'policy'> & { readonly policy: Policy });

/** Plain data but for the promise in `asking`, which the request that asked keeps alive under its `waitUntil`. */
interface Entry {
  known?: { readonly tenant: KnownTenant; readonly askedAtMs: number };
  asking?: { readonly answer: Promise<KnownTenant>; readonly sinceMs: number };
}

/** An isolate's memory of tenants. */
export interface TenantMemory {
  /**
   * A tenant as its object said at most `MAX_AGE_MS` ago. Rejects when the object cannot be reached in time and nothing
   * young enough is known: fails closed.
   */
  read(tenantId: TenantId, waitUntil: WaitUntil): Promise<KnownTenant>;
  /** Forgets a tenant that this isolate has itself just changed. */
  forget(tenantId: TenantId): void;
}

export function createTenantMemory(ask: AskTenant, now: () => number): TenantMemory {
  const entries = new Map<TenantId, Entry>();

  const touch = (tenantId: TenantId): Entry => {
    const entry = entries.get(tenantId) ?? {};
    entries.delete(tenantId); // to the young end of the map's order
    entries.set(tenantId, entry);
    if (entries.size > MAX_TENANTS) {
      const [eldest] = entries.keys();
      if (eldest !== undefined) entries.delete(eldest);
    }
    return entry;
  };

  const startAsking = (tenantId: TenantId, entry: Entry, waitUntil: WaitUntil): Promise<KnownTenant> => {
    const sinceMs = now();
    const answer = ask(tenantId).then((snapshot) => {
      const tenant = snapshot.exists ? { ...snapshot, policy: compilePolicy(snapshot.policy) } : snapshot;
      // An answer that was asked for earlier never replaces a later one.
      if (entry.known === undefined || entry.known.askedAtMs <= sinceMs) entry.known = { tenant, askedAtMs: sinceMs };
      return tenant;
    });
    const asking = { answer, sinceMs };
    entry.asking = asking;
    const forgetQuestion = () => {
      if (entry.asking === asking) delete entry.asking;
    };
    waitUntil(answer.then(forgetQuestion, forgetQuestion));
    return answer;
  };

  return {
    async read(tenantId, waitUntil) {
      const entry = touch(tenantId);
      const { known, asking } = entry;
      const nowMs = now();
      const ageMs = known ? nowMs - known.askedAtMs : Number.POSITIVE_INFINITY;
      if (known && ageMs < FRESH_MS) return known.tenant;

      const waiting = asking !== undefined && nowMs - asking.sinceMs < ASK_TIMEOUT_MS;
      const answer = waiting ? asking.answer : startAsking(tenantId, entry, waitUntil);
      return known && ageMs < MAX_AGE_MS ? known.tenant : within(ASK_TIMEOUT_MS, answer);
    },
    forget(tenantId) {
      entries.delete(tenantId);
    },
  };
}

/** Waits for a promise, but not for longer than this. */
async function within<T>(timeoutMs: number, promise: Promise<T>): Promise<T> {
  const { promise: late, reject } = Promise.withResolvers<never>();
  const timer = setTimeout(() => reject(new Error(`no answer within ${timeoutMs} ms`)), timeoutMs);
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}
