import { compilePolicy, type Policy } from '../core/policy/policy.ts';
import type { LimitsDocument } from '../core/quota/limits.ts';
import type { LiveTenant, TenantAnswer, TenantSnapshot } from '../core/tenancy/snapshot.ts';
import { type AddressCheck, compileRanges } from '../edge/address-ranges.ts';

/** Calls use a snapshot younger than this without asking the object. */
const FRESH_MS = 1_000;
/**
 * Maximum age of a usable snapshot. Calls may use a snapshot older than `FRESH_MS` while the isolate asks the object for
 * the current snapshot. So a revocation takes effect everywhere within 5 s.
 */
const MAX_AGE_MS = 4_000;

/** A tenant in the form that calls need: with a compiled policy. */
export type KnownTenant =
  | { readonly exists: false }
  | (Omit<LiveTenant, 'policy'> & {
      readonly policy: Policy;
      /** Undefined if the tenant allows every address. */
      readonly isAddressAllowed: AddressCheck | undefined;
    });

const NO_LIMITS: LimitsDocument = {};

/** The last snapshot of one tenant, and its age. Plain data. */
export class KnownTenantCell {
  /** Revision of the last snapshot. 0 if there is none. */
  revision = 0;
  /** Limits of the last snapshot, however old it is. */
  limits = NO_LIMITS;
  private tenant: KnownTenant | undefined;
  private askedAtMs = Number.NEGATIVE_INFINITY;
  private invalidatedAtMs = Number.NEGATIVE_INFINITY;

  get isKnown(): boolean {
    return this.tenant !== undefined;
  }

  /** Returns the tenant. Undefined if the snapshot is too old to serve calls: fails closed. */
  peek(nowMs: number): KnownTenant | undefined {
    return this.ageMs(nowMs) < MAX_AGE_MS ? this.tenant : undefined;
  }

  isFresh(nowMs: number): boolean {
    return this.ageMs(nowMs) < FRESH_MS;
  }

  /**
   * Milliseconds since the object was asked. Fails closed: Infinity if the clock stepped back and the age would be
   * negative.
   */
  private ageMs(nowMs: number): number {
    const ageMs = nowMs - this.askedAtMs;
    return ageMs < 0 ? Number.POSITIVE_INFINITY : ageMs;
  }

  /**
   * Applies the object's answer. Ignores the answer if a later question has already been answered, or if the tenant was
   * invalidated after this question was asked.
   *
   * @returns the tenant, if the answer contains a new revision of the tenant.
   */
  update({ revision, snapshot }: TenantAnswer, askedAtMs: number, nowMs: number): KnownTenant | undefined {
    const isAfter = (atMs: number) => askedAtMs >= atMs || atMs > nowMs;
    if (!isAfter(this.invalidatedAtMs) || !isAfter(this.askedAtMs)) return undefined;
    const isNew = this.tenant === undefined || this.revision !== revision;
    if (snapshot) {
      this.tenant = compileTenant(snapshot);
      this.limits = snapshot.exists ? snapshot.limits : NO_LIMITS;
      this.revision = revision;
    }
    if (snapshot || !isNew) this.askedAtMs = askedAtMs;
    return snapshot && isNew ? this.tenant : undefined;
  }

  /** Forgets the tenant, because it has just been changed. Answers that are still in transit will be ignored. */
  invalidate(nowMs: number): void {
    this.tenant = undefined;
    this.limits = NO_LIMITS;
    this.revision = 0;
    this.askedAtMs = Number.NEGATIVE_INFINITY;
    this.invalidatedAtMs = nowMs;
  }
}

const compileTenant = (snapshot: TenantSnapshot): KnownTenant =>
  snapshot.exists
    ? {
        ...snapshot,
        policy: compilePolicy(snapshot.policy),
        isAddressAllowed: snapshot.policy.ipAllow && compileRanges(snapshot.policy.ipAllow),
      }
    : snapshot;
