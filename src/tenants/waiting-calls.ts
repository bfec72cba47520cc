import type { Admission, Purpose } from '../core/quota/lease.ts';

/** How the wait of a call ended: the ledger decided, it could not be reached, or the caller left. */
export type WaitOutcome = Exclude<Admission, { kind: 'ask' }> | typeof UNREACHABLE | typeof LEFT;

export const UNREACHABLE = { kind: 'unreachable' } as const;
export const LEFT = { kind: 'left' } as const;

/** A call in line. */
export interface WaitingCall {
  readonly bytes: number;
  readonly outcome: Promise<WaitOutcome>;
  readonly end: (outcome: WaitOutcome) => void;
}

/** Calls that wait for a lease, in the order in which they came. The request of each keeps its promise alive. */
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

  /** Takes a call out of the line at once, so that nothing is admitted for a caller that has left. */
  leave(call: WaitingCall): void {
    this.line = this.line.filter((other) => other !== call);
  }

  /** Lets the calls go that can be decided on. Those that are still to `ask` stay in line. */
  serve(decide: (bytes: number) => Admission | typeof UNREACHABLE): void {
    this.line = this.line.filter(({ bytes, end }) => {
      const outcome = decide(bytes);
      if (outcome.kind === 'ask') return true;
      end(outcome);
      return false;
    });
  }

  /** What to ask the ledger for. */
  get purpose(): Purpose {
    return {
      waiting: { calls: this.line.length, bytes: Math.min(...this.line.map(({ bytes }) => bytes)) },
      bytesOfAll: this.line.reduce((sum, { bytes }) => sum + bytes, 0),
    };
  }
}
