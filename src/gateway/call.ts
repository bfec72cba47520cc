import type { BodyMemory } from '../core/body-memory/body-memory.ts';
import type { Listener } from '../core/listener.ts';
import { type Refusal, renderRefusal } from '../core/refusal.ts';
import { accountForHeaders } from '../edge/account-for-headers.ts';
import { createStopwatch, type Stopwatch } from '../edge/deadline.ts';
import { isExposed } from '../edge/is-exposed.ts';
import type { WaitUntil } from '../edge/wait-until.ts';
import type { TenantHandle } from '../tenants/tenant-handle.ts';
import type { Answer } from './answer.ts';
import { type CallRecord, openRecord, recordDuration, recordRefusal } from './call-record.ts';
import { DISCARD_PROVED, DISCARD_UNKNOWN, DISCARD_UNPROVED, discardBody } from './discard-body.ts';
import { nameCredential } from './name-credential.ts';

/** One call while it is being served. */
export interface Call {
  readonly record: CallRecord;
  readonly request: Request;
  readonly waitUntil: WaitUntil;
  /** A signal that is aborted when the caller resets its connection; made when it is first asked for. */
  readonly left: () => AbortSignal;
  /** Waits for something, but not for a caller that has reset its connection: then it gives undefined. */
  unlessLeft<T>(promise: Promise<T>): Promise<T | undefined>;
  /** The caller has left, as far as anybody looked. */
  readonly isLeft: boolean;
  /** For whatever the call waits for, until it is answered. */
  readonly stopwatch: Stopwatch;
  /** Whether a secret in its headers or URL may have travelled in clear text. */
  readonly isExposed: () => boolean;
  /** The tenant that its credential names. */
  tenant: TenantHandle | undefined;
  /** The caller has proved itself, so it may learn about its tenant. */
  proved: boolean;
  /** Its key lives. */
  isLive: boolean;
  /** The web page that calls, once its tenant has allowed it. */
  corsOrigin: string | undefined;
  /**
   * Accounts for a refused call, throws away what is still to come of its body, and answers: a client that is still
   * sending would read a reset in place of an answer. One that asked first (`Expect: 100-continue`) sends nothing.
   */
  refuse(refusal: Refusal): Promise<Answer>;
  /** Accounts for the call as one that goes out. */
  onForward(): void;
  /** Accounts for the call: once, when its end is seen. */
  settle(): void;
}

/** What serves all calls of a gateway. */
export interface CallPorts {
  readonly now: () => number;
  /** Writes the line of a call that has ended. */
  readonly log: (call: Call) => void;
  readonly bodies: BodyMemory;
  /** Called with each call that goes out. */
  readonly onForward: (call: Call) => void;
  /** Called once with each call, when it has ended. */
  readonly onEnd: (call: Call) => void;
}

/** How a call came. */
export interface Arrival {
  readonly requestId: string;
  readonly request: Request;
  readonly listener: Listener;
  readonly waitUntil: WaitUntil;
}

export const startCall = (arrival: Arrival, ports: CallPorts): Call => new OpenCall(arrival, ports);

/** A class, because closures would have to be made anew for each call. */
class OpenCall implements Call {
  readonly record: CallRecord;
  readonly request: Request;
  readonly waitUntil: WaitUntil;
  readonly stopwatch = createStopwatch();
  tenant: TenantHandle | undefined;
  proved = false;
  isLive = false;
  corsOrigin: string | undefined;
  private readonly listener: Listener;
  private readonly ports: CallPorts;
  private readonly startedAtMs: number;
  private signal: AbortSignal | undefined; // made by the runtime when it is first asked for
  private isSettled = false;

  constructor({ requestId, request, listener, waitUntil }: Arrival, ports: CallPorts) {
    this.request = request;
    this.waitUntil = waitUntil;
    this.listener = listener;
    this.ports = ports;
    this.startedAtMs = ports.now();
    this.record = openRecord(requestId, this.startedAtMs);
  }

  readonly left = () => {
    this.signal ??= this.request.signal;
    return this.signal;
  };

  readonly isExposed = () => isExposed(this.request, this.listener);

  get isLeft() {
    return this.signal?.aborted ?? false;
  }

  async unlessLeft<T>(promise: Promise<T>): Promise<T | undefined> {
    const left = this.left();
    if (left.aborted) return undefined;
    const { promise: gone, resolve } = Promise.withResolvers<undefined>();
    const leave = () => resolve(undefined);
    left.addEventListener('abort', leave);
    try {
      return await Promise.race([promise, gone]);
    } finally {
      left.removeEventListener('abort', leave);
    }
  }

  async refuse(refusal: Refusal): Promise<Answer> {
    const { record, request, proved } = this;
    accountForHeaders(request);
    const { status, headers, body } = renderRefusal(refusal, () => nameCredential(request));
    recordRefusal(record, refusal, status);
    this.settle();
    if (request.headers.get('expect')?.toLowerCase() !== '100-continue') {
      const { tenant } = record;
      await discardBody(request.body, {
        memory: this.ports.bodies,
        tenant: proved ? tenant : undefined,
        limits: proved ? DISCARD_PROVED : tenant === undefined ? DISCARD_UNKNOWN : DISCARD_UNPROVED,
      });
    }
    return { status, headers: { ...headers }, body };
  }

  onForward(): void {
    this.ports.onForward(this);
  }

  settle(): void {
    if (this.isSettled) return;
    this.isSettled = true;
    recordDuration(this.record, this.ports.now() - this.startedAtMs);
    this.ports.log(this);
    this.ports.onEnd(this);
  }
}
