import type { Admission, Purpose } from '../core/quota/lease.ts';

/** The outcome of a call's wait: the ledger decided, the ledger could not be reached, or the caller left. */
export type WaitOutcome = Exclude<Admission, { kind: 'ask' }> | typeof UNREACHABLE | typeof LEFT;

export const UNREACHABLE = { kind: 'unreachable' } as const;
export const LEFT = { kind: 'left' } as const;

/** A call in the queue. */
export interface WaitingCall {
  readonly bytes: number;
  readonly outcome: Promise<WaitOutcome>;
  readonly end: (outcome: WaitOutcome) => void;
}

/**
 * Queue of calls that wait for a lease, in order of arrival. The HTTP request of each call keeps the call's promise alive.
 */
export class WaitingCalls {
  private line: WaitingCall[] = [];

  get isEmpty(): boolean {
    return this.line.length === 0;
  }

  /** @param bytes length of the payload. */
  enter(bytes: number): WaitingCall {
    const { promise: outcome, resolve: end } = Promise.withResolvers<WaitOutcome>();
    const call = { bytes, outcome, end };
    this.line.push(call);
    return call;
  }

  /** Removes a call from the queue at once, so that the call is not admitted after its wait has ended. */
  leave(call: WaitingCall): void {
    this.line = this.line.filter((other) => other !== call);
  }

  /** Ends the wait of each call that `decide` can decide now. A call for which `decide` returns `ask` stays in the queue. */
  serve(decide: (bytes: number) => Admission | typeof UNREACHABLE): void {
    this.line = this.line.filter(({ bytes, end }) => {
      const outcome = decide(bytes);
      if (outcome.kind === 'ask') return true;
      end(outcome);
      return false;
    });
  }

  /** The purpose of a request to the ledger for the waiting calls. */
  get purpose(): Purpose {
    return {
      waiting: { calls: this.line.length, bytes: Math.min(...this.line.map(({ bytes }) => bytes)) },
      bytesOfAll: this.line.reduce((sum, { bytes }) => sum + bytes, 0),
    };
  }
}
