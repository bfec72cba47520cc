import type { KeyId } from '../core/identity/ids.ts';
import {
  admit,
  admitUncounted,
  chargeRate,
  countArrival,
  hasLease,
  type Purpose,
  peekDenial,
  recordUsage,
  releaseIdleSlots,
  type Ticket,
  wantsRenewal,
} from '../core/quota/lease.ts';
import type { LeaseHolder } from '../core/quota/lease-holder.ts';
import { DEFAULT_SERVE_SECONDS, isCounted, type LimitsDocument } from '../core/quota/limits.ts';
import { type Refusal, refuse, refuseLeft, refuseLimit } from '../core/refusal.ts';
import { err, ok, type Result } from '../core/result.ts';
import type { Usage } from '../core/usage/usage.ts';
import { within } from '../edge/deadline.ts';
import type { WaitUntil } from '../edge/wait-until.ts';
import { CallReservation } from './call-reservation.ts';
import type { FlushingCall } from './flusher.ts';
import type { KnownTenant } from './known-tenant.ts';
import { REQUEST_TIMEOUT_MS } from './lease-client.ts';
import { writeRateLimit } from './rate-limit-headers.ts';
import type { Reservation, TenantHandle } from './tenant-handle.ts';
import type { TenantMemory } from './tenant-memory.ts';
import { LEFT, UNREACHABLE, type WaitOutcome } from './waiting-calls.ts';

/**
 * Milliseconds after which a waiting call asks for no more leases. The object may have answered, but calls ahead in the
 * queue may have used the leases.
 */
const RESERVE_TIMEOUT_MS = 5_000;
/**
 * Maximum number of requests for one charge. If the request in progress had another purpose, a second request may follow.
 */
const MAX_CHARGE_REQUESTS = 2;

/** One call's access to a tenant. Everything that outlasts the call is in `TenantMemory`. */
export class OpenTenant implements TenantHandle, FlushingCall {
  readonly waitUntil: WaitUntil;
  private readonly memory: TenantMemory;

  constructor(memory: TenantMemory, waitUntil: WaitUntil) {
    this.memory = memory;
    this.waitUntil = waitUntil;
  }

  get nowMs(): number {
    return this.memory.now();
  }

  get holder(): LeaseHolder {
    return this.memory.client.holder;
  }

  /** The last known limits, however old. */
  get limits(): LimitsDocument {
    return this.memory.client.known.limits;
  }

  peek(): KnownTenant | undefined {
    return this.memory.client.known.peek(this.nowMs);
  }

  prefetch(bytes?: number): void {
    const { client } = this.memory;
    if (!client.isFree) return;
    const needsLease = bytes !== undefined && isCounted(this.limits) && !hasLease(this.holder, bytes, this.nowMs);
    if (needsLease) void this.request({ waiting: { calls: 1, bytes }, withoutSlots: true });
    else if (!client.known.isFresh(this.nowMs)) void this.request('flush');
  }

  async load(bytes?: number): Promise<KnownTenant | undefined> {
    const { client } = this.memory;
    // A response in transit may predate a change of the tenant. In that case, send a second request.
    for (let attempt = 0; attempt < 2 && !this.peek(); attempt++) {
      if (!client.isBusy && client.isBackingOff) break;
      await this.joinRequest(bytes === undefined ? 'flush' : { waiting: { calls: 1, bytes } });
    }
    return this.peek();
  }

  peekDenial(bytes: number): Refusal | undefined {
    const denial = peekDenial(this.holder, bytes, this.nowMs);
    return denial?.kind === 'refused' ? refuseLimit(denial.limit, denial.retryAfterMs) : undefined;
  }

  async reserve(bytes: number, left?: () => AbortSignal): Promise<Result<Reservation, Refusal>> {
    const { holder } = this;
    const tenant = this.peek();
    if (!tenant?.exists) return err(refuse('state-unavailable'));
    const { limits } = tenant;
    countArrival(holder, bytes);
    const admission = admit(holder, limits, bytes, this.nowMs);
    const mustWait = admission.kind === 'ask' && !this.mayServeUncounted(limits);
    const outcome = mustWait ? await this.waitForLease(bytes, left?.()) : admission;
    switch (outcome.kind) {
      case 'admitted':
        return ok(this.admitted(outcome.ticket, false));
      case 'left':
        return err(refuseLeft());
      case 'refused':
        return err(refuseLimit(outcome.limit, outcome.retryAfterMs));
      default: {
        if (!this.mayServeUncounted(limits) || !this.peek()) return err(refuse('limits-unavailable'));
        return ok(this.admitted(admitUncounted(holder, limits, bytes, this.nowMs), isCounted(limits)));
      }
    }
  }

  async chargeRate(): Promise<Refusal | undefined> {
    const { holder } = this;
    const tenant = this.peek();
    if (!tenant?.exists || tenant.limits.rate === undefined) return undefined;
    countArrival(holder, 0);
    for (let attempt = 0; ; attempt++) {
      const outcome = chargeRate(holder, this.nowMs);
      if (outcome.kind === 'refused') return refuseLimit(outcome.limit, outcome.retryAfterMs);
      if (outcome.kind === 'charged') this.flushLater();
      if (outcome.kind === 'charged' || attempt === MAX_CHARGE_REQUESTS || this.memory.client.isBackingOff) {
        return undefined;
      }
      await this.joinRequest({ waiting: { calls: 1, bytes: 0 }, withoutSlots: true });
    }
  }

  record(functionName: string, usage: Partial<Usage>): void {
    const { memory, holder } = this;
    memory.lastUsedAtMs = this.nowMs;
    recordUsage(holder, functionName, usage, memory.lastUsedAtMs);
    // Free the slots that were granted for a call that was then refused.
    if (usage.refused && memory.waiting.isEmpty) releaseIdleSlots(holder, this.limits);
    this.flushLater();
  }

  recordKey(keyId: KeyId): void {
    this.memory.client.recordKey(keyId);
  }

  recordUnproved(): void {
    const { client } = this.memory;
    client.recordUnproved();
    if (client.known.isKnown) this.flushLater();
  }

  rateLimitHeaders(): Readonly<Record<string, string>> {
    return writeRateLimit(this.holder, this.nowMs);
  }

  flushLater(): void {
    this.memory.flusher.schedule(this);
  }

  flush(): Promise<boolean> {
    return this.memory.client.request('flush', this.waitUntil, (success) => this.serveWaiting(success));
  }

  /** Sends a request. Afterwards, decides on the waiting calls and schedules a flush of the remaining reports. */
  private request(purpose: Purpose): Promise<boolean> {
    return this.memory.client.request(purpose, this.waitUntil, (success) => {
      this.serveWaiting(success);
      this.flushLater();
    });
  }

  /** Waits for the response to the request in progress. If no request is in progress, sends one first. */
  private joinRequest(purpose: Purpose): Promise<void> {
    const { client } = this.memory;
    if (!client.isBusy) void this.request(purpose);
    return client.waitForResponse();
  }

  /** Decides on the waiting calls. If some calls need another lease, asks the ledger again. */
  private serveWaiting(success: boolean): void {
    const { waiting } = this.memory;
    const tenant = success ? this.peek() : undefined;
    waiting.serve((bytes) => (tenant?.exists ? admit(this.holder, tenant.limits, bytes, this.nowMs) : UNREACHABLE));
    if (!waiting.isEmpty) void this.request(waiting.purpose);
  }

  /**
   * Waits until the ledger decides on this call or the caller leaves. Gives up if the object fails, or after
   * `RESERVE_TIMEOUT_MS` plus at most `REQUEST_TIMEOUT_MS`.
   */
  private async waitForLease(bytes: number, left: AbortSignal | undefined): Promise<WaitOutcome> {
    if (left?.aborted) return LEFT;
    const { client, waiting } = this.memory;
    const untilMs = this.nowMs + RESERVE_TIMEOUT_MS;
    const call = waiting.enter(bytes);
    const leave = () => {
      waiting.leave(call);
      call.end(LEFT);
    };
    left?.addEventListener('abort', leave);
    try {
      do {
        // The call that sent the last request may be gone, so its response may never have been handled.
        if (!client.isBusy) {
          if (client.isBackingOff) break;
          void this.request(waiting.purpose);
        }
        const outcome = await within(REQUEST_TIMEOUT_MS, call.outcome).catch(() => undefined);
        if (outcome) return outcome;
      } while (this.nowMs < untilMs);
    } finally {
      left?.removeEventListener('abort', leave);
    }
    waiting.leave(call);
    return UNREACHABLE;
  }

  private admitted(ticket: Ticket, uncounted: boolean): Reservation {
    const { client, waiting } = this.memory;
    if (waiting.isEmpty && client.isFree && wantsRenewal(this.holder, this.limits, this.nowMs)) {
      void this.request('ahead');
    }
    this.flushLater();
    return new CallReservation(this, ticket, uncounted);
  }

  /**
   * True if a call may be served before it is counted: for a tenant without counted limits, or for a tenant set to `serve`
   * while the ledger has been failing for less than `serveSeconds`.
   */
  private mayServeUncounted(limits: LimitsDocument): boolean {
    if (!isCounted(limits)) return true;
    const { failingForMs } = this.memory.client;
    const serveMs = (limits.serveSeconds ?? DEFAULT_SERVE_SECONDS) * 1_000;
    return limits.onLimitsUnavailable === 'serve' && failingForMs !== undefined && failingForMs < serveMs;
  }
}
