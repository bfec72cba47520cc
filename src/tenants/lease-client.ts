import type { KeyId, TenantId } from '../core/identity/ids.ts';
import {
  abandonRequest,
  applyResponse,
  buildRequest,
  isFlushed,
  nextFlushAtMs,
  type Purpose,
  recordUsage,
} from '../core/quota/lease.ts';
import { createLeaseHolder, emptyLeaseHolder, type LeaseHolder } from '../core/quota/lease-holder.ts';
import type { TenantAnswer } from '../core/tenancy/snapshot.ts';
import { StateError } from '../core/tenancy/state-error.ts';
import { TimeoutError, within } from '../edge/deadline.ts';
import type { WaitUntil } from '../edge/wait-until.ts';
import { KnownTenantCell } from './known-tenant.ts';
import type { TenantPorts } from './ports.ts';
import type { UnprovedCounts } from './unproved-counts.ts';

/**
 * A request counts as lost after this many milliseconds without a response. The call that sent the request may be gone, and
 * the promise with the call.
 */
export const REQUEST_TIMEOUT_MS = 2_000;
/**
 * First pause after an object fails. The pause doubles with each failure. Without a pause, every call would ask the object
 * again.
 */
const MIN_BACKOFF_MS = 50;
const MAX_BACKOFF_MS = 1_000;

const NEVER = Number.POSITIVE_INFINITY;

/**
 * An isolate's only channel to a tenant's object. At most one request is in progress. Each request carries everything that
 * the isolate has to report: use of leases, use of keys, and attempts without proof.
 */
export class LeaseClient {
  readonly holder: LeaseHolder;
  readonly known = new KnownTenantCell();
  /** Time (epoch ms) at which each key was last used. Contains only uses that are not yet reported to the object. */
  private keysUsed = new Map<KeyId, number>();
  private readonly tenantId: TenantId;
  private readonly ports: TenantPorts;
  private readonly unproved: UnprovedCounts;
  /** The request in progress. The call that sent the request keeps the promise alive. */
  private sent: { readonly answered: Promise<boolean>; readonly sentAtMs: number } | undefined;
  private failingSinceMs: number | undefined;
  private retryAtMs = 0;
  private backoffMs = MIN_BACKOFF_MS;

  constructor(tenantId: TenantId, ports: TenantPorts, unproved: UnprovedCounts) {
    this.tenantId = tenantId;
    this.ports = ports;
    this.unproved = unproved;
    this.holder = createLeaseHolder(crypto.randomUUID(), ports.now());
  }

  /** True while a request is in progress and may still be answered. */
  get isBusy(): boolean {
    return this.sent !== undefined && this.ports.now() - this.sent.sentAtMs < REQUEST_TIMEOUT_MS;
  }

  /** True while the client pauses because the object has just failed. */
  get isBackingOff(): boolean {
    const waitMs = this.retryAtMs - this.ports.now();
    return waitMs > 0 && waitMs <= MAX_BACKOFF_MS;
  }

  get isFree(): boolean {
    return !this.isBusy && !this.isBackingOff;
  }

  /** Milliseconds for which the object has been failing. Undefined if the object works. */
  get failingForMs(): number | undefined {
    return this.failingSinceMs === undefined ? undefined : this.ports.now() - this.failingSinceMs;
  }

  /**
   * Time (epoch ms) at which this isolate must report to the object even if no call sends a request. Infinity: nothing to
   * report.
   */
  get dueAtMs(): number {
    return Math.min(nextFlushAtMs(this.holder) ?? NEVER, this.unproved.dueAtMs(this.tenantId) ?? NEVER);
  }

  /** True if no request is in progress, no call is running, and the holder has nothing to report. */
  get isIdle(): boolean {
    return this.sent === undefined && isFlushed(this.holder);
  }

  recordKey(keyId: KeyId): void {
    this.keysUsed.set(keyId, this.ports.now());
  }

  recordUnproved(): void {
    this.unproved.add(this.tenantId);
  }

  /** Waits for the response to the request in progress, if any, for at most `REQUEST_TIMEOUT_MS`. Never rejects. */
  async waitForResponse(): Promise<void> {
    if (this.sent && this.isBusy) await within(REQUEST_TIMEOUT_MS, this.sent.answered).catch(() => false);
  }

  /**
   * Sends a request. Abandons an earlier request still in progress, because its response would come too late.
   *
   * @param report called with the outcome: true if the ledger answered or the tenant does not exist. Not called for an
   * abandoned request.
   * @returns the same outcome. Never rejects.
   */
  request(purpose: Purpose, waitUntil: WaitUntil, report: (success: boolean) => void): Promise<boolean> {
    const { holder, known, keysUsed, ports } = this;
    const sentAtMs = ports.now();
    abandonRequest(holder);
    const attempts = this.unproved.take(this.tenantId);
    if (attempts > 0) recordUsage(holder, '', { unproved: attempts }, sentAtMs);
    const request = buildRequest(holder, known.limits, purpose, sentAtMs);
    this.keysUsed = new Map();
    const answered = within(REQUEST_TIMEOUT_MS, ports.ask(this.tenantId, request, known.revision, keysUsed))
      .then(
        (answer) => this.apply(answer, sentAtMs),
        (error: unknown) => this.lookAfter(error),
      )
      .then((success) => {
        if (this.sent !== sent) return success;
        this.sent = undefined;
        if (success) this.recover();
        else this.backOff(keysUsed);
        report(success);
        return success;
      });
    const sent = { answered, sentAtMs };
    this.sent = sent;
    waitUntil(answered);
    return answered;
  }

  private recover(): void {
    this.failingSinceMs = undefined;
    this.backoffMs = MIN_BACKOFF_MS;
  }

  private backOff(keysUsed: ReadonlyMap<KeyId, number>): void {
    const nowMs = this.ports.now();
    abandonRequest(this.holder);
    this.keysUsed = new Map([...keysUsed, ...this.keysUsed]);
    this.failingSinceMs ??= nowMs;
    this.retryAtMs = nowMs + this.backoffMs;
    this.backoffMs = Math.min(MAX_BACKOFF_MS, this.backoffMs * 2);
  }

  /**
   * Reads the tenant after a failed request, because an object that cannot write may still be able to read. The read grants
   * no lease and so does not count as success. But the read lets calls continue for tenants without limits and for tenants
   * set to `serve`.
   */
  private async lookAfter(error: unknown): Promise<boolean> {
    const { look, now, onFailure } = this.ports;
    onFailure?.(this.tenantId, error);
    const isBusy = error instanceof TimeoutError || (error instanceof StateError && error.failure === 'overloaded');
    if (!look || isBusy) return false;
    const askedAtMs = now();
    try {
      return this.apply(await within(REQUEST_TIMEOUT_MS, look(this.tenantId, this.known.revision)), askedAtMs);
    } catch (second) {
      onFailure?.(this.tenantId, second);
      return false;
    }
  }

  private apply(answer: TenantAnswer, askedAtMs: number): boolean {
    const { holder, known, ports } = this;
    const { snapshot, ledger } = answer;
    const nowMs = ports.now();
    const tenant = known.update(answer, askedAtMs, nowMs);
    if (tenant?.exists && tenant.policy.unreadable.length > 0) {
      ports.onUnreadable?.(this.tenantId, tenant.policy.unreadable);
    }
    if (snapshot?.exists === false) {
      // The tenant does not exist, so there is nothing to account for.
      emptyLeaseHolder(holder, nowMs);
      return true;
    }
    return ledger !== undefined && applyResponse(holder, ledger, nowMs);
  }
}
