import { cancelCall, endCall, giveBack, loseCall, type Ticket, takeBackCall } from '../core/quota/lease.ts';
import type { LeaseHolder } from '../core/quota/lease-holder.ts';
import type { LimitsDocument } from '../core/quota/limits.ts';
import type { Reservation } from './tenant-handle.ts';

/** The open tenant that admitted a call. */
interface Admitter {
  readonly holder: LeaseHolder;
  readonly limits: LimitsDocument;
  readonly nowMs: number;
  flushLater(): void;
}

/** The reservation of an admitted call. However the call ends, the isolate must report the end to the ledger. */
export class CallReservation implements Reservation {
  readonly uncounted: boolean;
  private readonly tenant: Admitter;
  private readonly ticket: Ticket;

  constructor(tenant: Admitter, ticket: Ticket, uncounted: boolean) {
    this.tenant = tenant;
    this.ticket = ticket;
    this.uncounted = uncounted;
  }

  giveBack(): void {
    const { tenant } = this;
    giveBack(tenant.holder, this.ticket, tenant.nowMs);
    tenant.flushLater();
  }

  cancel(): void {
    const { tenant } = this;
    cancelCall(tenant.holder, tenant.limits, this.ticket, tenant.nowMs);
    tenant.flushLater();
  }

  end(): void {
    const { tenant } = this;
    endCall(tenant.holder, tenant.limits, this.ticket, tenant.nowMs);
    tenant.flushLater();
  }

  lose(): void {
    const { tenant } = this;
    loseCall(tenant.holder, this.ticket, tenant.nowMs);
    tenant.flushLater();
  }

  takeBack(): void {
    const { tenant } = this;
    takeBackCall(tenant.holder, tenant.limits, this.ticket, tenant.nowMs);
    tenant.flushLater();
  }
}
