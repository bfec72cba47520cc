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

/** A call waits at most this long for its turn, even if the object answers: the answers may go to calls ahead. */
const RESERVE_TIMEOUT_MS = 5_000;
/** If the request under way was for something else, one more follows. */
const MAX_CHARGE_REQUESTS = 2;

/** A tenant as one call uses it. Everything that outlasts the call is in `TenantMemory`. */
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

  /** The limits as last known. */
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
    // A response under way may predate a change of the tenant: then one more request follows.
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
    // Frees slots that were set aside for a call that was then refused.
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

  /** Sends a request. Its outcome decides on the waiting calls, and reports that remain are flushed when due. */
  private request(purpose: Purpose): Promise<boolean> {
    return this.memory.client.request(purpose, this.waitUntil, (success) => {
      this.serveWaiting(success);
      this.flushLater();
    });
  }

  /** Waits for the response to the request under way, or else to a new one. */
  private joinRequest(purpose: Purpose): Promise<void> {
    const { client } = this.memory;
    if (!client.isBusy) void this.request(purpose);
    return client.waitForResponse();
  }

  /** Decides on the waiting calls. If some need another lease, asks the ledger again. */
  private serveWaiting(success: boolean): void {
    const { waiting } = this.memory;
    const tenant = success ? this.peek() : undefined;
    waiting.serve((bytes) => (tenant?.exists ? admit(this.holder, tenant.limits, bytes, this.nowMs) : UNREACHABLE));
    if (!waiting.isEmpty) void this.request(waiting.purpose);
  }

  /** Waits until the ledger has decided on this call or the caller has left, at most `RESERVE_TIMEOUT_MS`. */
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
        // The call that sent the last request may be gone, so nobody may have acted on the response.
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
   * True if a call may be served before it is counted: its tenant has no counted limit, or the ledger cannot be reached
   * and the tenant is set to `serve` in that case, for a limited time.
   */
  private mayServeUncounted(limits: LimitsDocument): boolean {
    if (!isCounted(limits)) return true;
    const { failingForMs } = this.memory.client;
    const serveMs = (limits.serveSeconds ?? DEFAULT_SERVE_SECONDS) * 1_000;
    return limits.onLimitsUnavailable === 'serve' && failingForMs !== undefined && failingForMs < serveMs;
  }
}
