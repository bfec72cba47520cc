import type { Admission, Purpose } from '../core/quota/lease.ts';

/** How a call's wait ended: the ledger decided, the ledger could not be reached, or the caller left. */
export type WaitOutcome = Exclude<Admission, { kind: 'ask' }> | typeof UNREACHABLE | typeof LEFT;

export const UNREACHABLE = { kind: 'unreachable' } as const;
export const LEFT = { kind: 'left' } as const;

/** A call in line. */
export interface WaitingCall {
  readonly bytes: number;
  readonly outcome: Promise<WaitOutcome>;
  readonly end: (outcome: WaitOutcome) => void;
}

/** Calls that wait for a lease, in order of arrival. The request of each call keeps its promise alive. */
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

  /** Removes a call from the queue at once, so that no call of a caller that has left is admitted. */
  leave(call: WaitingCall): void {
    this.line = this.line.filter((other) => other !== call);
  }

  /** Ends the wait of each call that can be decided now. Calls that still have to `ask` stay in the queue. */
  serve(decide: (bytes: number) => Admission | typeof UNREACHABLE): void {
    this.line = this.line.filter(({ bytes, end }) => {
      const outcome = decide(bytes);
      if (outcome.kind === 'ask') return true;
      end(outcome);
      return false;
    });
  }

  /** What the waiting calls need from the ledger. */
  get purpose(): Purpose {
    return {
      waiting: { calls: this.line.length, bytes: Math.min(...this.line.map(({ bytes }) => bytes)) },
      bytesOfAll: this.line.reduce((sum, { bytes }) => sum + bytes, 0),
    };
  }
}
