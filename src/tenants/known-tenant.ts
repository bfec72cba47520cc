import { compilePolicy, type Policy } from '../core/policy/policy.ts';
import type { LimitsDocument } from '../core/quota/limits.ts';
import type { LiveTenant, TenantAnswer, TenantSnapshot } from '../core/tenancy/snapshot.ts';
import { type AddressCheck, compileRanges } from '../edge/address-ranges.ts';

/** A snapshot younger than this is used without asking the object. */
const FRESH_MS = 1_000;
/** An older snapshot is used while the object is asked, but never beyond this age: a revocation holds everywhere within 5 s. */
const MAX_AGE_MS = 4_000;

/** A tenant as its calls need it. */
export type KnownTenant =
  | { readonly exists: false }
  | (Omit<LiveTenant, 'policy'> & {
      readonly policy: Policy;
      /** Absent if the tenant names no ranges. */
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

  /** The tenant. Undefined if the snapshot is too old to serve calls: fails closed. */
  peek(nowMs: number): KnownTenant | undefined {
    return this.ageMs(nowMs) < MAX_AGE_MS ? this.tenant : undefined;
  }

  isFresh(nowMs: number): boolean {
    return this.ageMs(nowMs) < FRESH_MS;
  }

  /** Age since the object was asked. Infinity if that time is in the future, because the clock stepped back: fails closed. */
  private ageMs(nowMs: number): number {
    const ageMs = nowMs - this.askedAtMs;
    return ageMs < 0 ? Number.POSITIVE_INFINITY : ageMs;
  }

  /**
   * Applies the object's answer, unless a later question has already been answered or the tenant was invalidated since.
   *
   * @returns the tenant, if the answer brought another revision of it.
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

  /** Forgets the tenant, because it has just been changed. An answer still under way will not count. */
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
