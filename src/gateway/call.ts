import type { BodyMemory } from '../core/body-memory/body-memory.ts';
import type { KeyId, TenantId } from '../core/identity/ids.ts';
import type { Billed } from '../core/invoke/report-line.ts';
import type { Listener } from '../core/listener.ts';
import { type Refusal, renderRefusal, type Started } from '../core/refusal.ts';
import { createStopwatch, type Stopwatch } from '../edge/deadline.ts';
import { isExposed } from '../edge/is-exposed.ts';
import type { WaitUntil } from '../edge/wait-until.ts';
import type { TenantHandle } from '../tenants/tenant-handle.ts';
import type { Answer } from './answer.ts';
import { DISCARD_PROVED, DISCARD_UNKNOWN, DISCARD_UNPROVED, discardBody } from './discard-body.ts';

/** What is known of a call when it ends: its line in the access log. Holds no secret and nothing of a payload. */
export interface CallRecord {
  /** When it came, as ISO 8601 has it. */
  readonly at: string;
  readonly requestId: string;
  /** Where it came from, as far as `POSTERN_LOG_ADDRESS` lets the log have it. */
  address?: string | undefined;
  tenant?: TenantId;
  key?: KeyId;
  /** Of a caller with a token, once that is proved: who it is, by the issuer's own words. */
  issuer?: string;
  subject?: string;
  /** As the caller named it. */
  function?: string;
  /** Which function that is: its name, or its ARN where it is not among the tenant's own. */
  target?: string;
  type?: string;
  status?: number;
  refusal?: string;
  functionError?: string;
  /** Its trace, as Lambda was told of it. */
  traceId?: string;
  /** Lambda's own id of the request. */
  upstreamRequestId?: string;
  /** It was sent to Lambda. */
  forwarded?: boolean;
  /** Of a call that got no answer: whether its function may have started. */
  started?: Started;
  /** Sent though its tenant's ledger could not be reached. */
  uncounted?: boolean;
  bytesIn?: number;
  /** How long it waited for memory for its body, in milliseconds, where it did. */
  waitedMs?: number;
  bytesOut?: number;
  billed?: Billed | undefined;
  /** The answer did not get to its end, at Lambda or because the caller left. */
  brokenOff?: boolean;
  /** The caller had left before the answer's end. */
  callerLeft?: boolean;
  durationMs?: number;
}

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
  /** The caller has proved itself: it may be told how its tenant stands. */
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
    this.record = { at: new Date(this.startedAtMs).toISOString(), requestId };
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
    const { status, headers, body } = renderRefusal(refusal);
    record.status = status;
    record.refusal = refusal.reason;
    if (refusal.started !== undefined) record.started = refusal.started;
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
    this.record.durationMs = this.ports.now() - this.startedAtMs;
    this.ports.log(this);
    this.ports.onEnd(this);
  }
}
