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
  /** Returns a signal that is aborted when the caller resets its connection. The first use creates the signal. */
  readonly left: () => AbortSignal;
  /** Waits for a promise. Resolves to undefined as soon as the caller resets its connection. */
  unlessLeft<T>(promise: Promise<T>): Promise<T | undefined>;
  /** True if the caller has reset its connection. Always false until `left` or `unlessLeft` has been used. */
  readonly isLeft: boolean;
  /** Times everything that the call waits for until it is answered. */
  readonly stopwatch: Stopwatch;
  /** Returns true if a secret in the headers or URL may have travelled in clear text. */
  readonly isExposed: () => boolean;
  /** The tenant that the call's credential names. */
  tenant: TenantHandle | undefined;
  /** True once the caller has proved its identity. Only then may the caller learn about its tenant. */
  proved: boolean;
  /** True once the caller's key or token is known to be good and its tenant active. */
  isLive: boolean;
  /** The origin of the calling web page, once the tenant has allowed that origin. */
  corsOrigin: string | undefined;
  /**
   * Accounts for a refused call, discards the rest of its body, and answers. Without the discard, a client that is still
   * sending would see a reset instead of the answer. A client that sent `Expect: 100-continue` has no body to discard.
   */
  refuse(refusal: Refusal): Promise<Answer>;
  /** Accounts for the call when it is sent to Lambda. */
  onForward(): void;
  /** Accounts for the ended call. Only the first use has an effect. */
  settle(): void;
}

/** The ports that all calls of a gateway share. */
export interface CallPorts {
  readonly now: () => number;
  /** Writes the log line of a call that has ended. */
  readonly log: (call: Call) => void;
  readonly bodies: BodyMemory;
  /** Called when a call is sent to Lambda. */
  readonly onForward: (call: Call) => void;
  /** Called once for each call, when the call has ended. */
  readonly onEnd: (call: Call) => void;
}

/** A call that has just arrived. */
export interface Arrival {
  readonly requestId: string;
  readonly request: Request;
  readonly listener: Listener;
  readonly waitUntil: WaitUntil;
}

export const startCall = (arrival: Arrival, ports: CallPorts): Call => new OpenCall(arrival, ports);

/** A class, because closures would be created again for each call. */
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
  private signal: AbortSignal | undefined; // the runtime creates it on first use
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
