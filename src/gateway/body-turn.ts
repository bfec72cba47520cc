import type { BodyMemory, Upload } from '../core/body-memory/body-memory.ts';
import { MAX_WAIT_MS, WAIT_CHECK_MS } from '../core/body-memory/limits.ts';
import { TimeoutError, type Within } from '../edge/deadline.ts';

export interface TurnOptions {
  readonly memory: BodyMemory;
  readonly wait: Within;
  /** Aborted when the caller has left by a reset. (One that closed its connection is found out when its turn comes.) */
  readonly signal: () => AbortSignal;
  readonly maxWaitMs?: number | undefined;
}

/** The waits of one upload for memory: together they last no longer than `maxWaitMs`. (A class, for every call has one.) */
export class Turn {
  waitedMs = 0;
  /** The caller left while it waited. */
  isAborted = false;
  private readonly options: TurnOptions;

  constructor(options: TurnOptions) {
    this.options = options;
  }

  /**
   * Waits until an upload is no longer `waiting`.
   * @returns false if it waited too long, or its caller has left: then it has to be closed.
   */
  async come(upload: Upload): Promise<boolean> {
    const { memory, wait, signal, maxWaitMs = MAX_WAIT_MS } = this.options;
    const left = signal();
    const sinceMs = Date.now();
    const beforeMs = this.waitedMs;
    let wake = () => {};
    const wakeUp = () => wake();
    left.addEventListener('abort', wakeUp);
    upload.wake = wakeUp;
    try {
      while (upload.state === 'waiting' && !left.aborted && this.waitedMs < maxWaitMs) {
        const { promise, resolve } = Promise.withResolvers<void>();
        wake = resolve;
        await wait(Math.min(WAIT_CHECK_MS, maxWaitMs - this.waitedMs), promise).catch(ignoreTimeout);
        this.waitedMs = beforeMs + Date.now() - sinceMs;
        // A slow upload gives way by time, which only those who wait look at.
        memory.pump(Date.now());
      }
    } finally {
      left.removeEventListener('abort', wakeUp);
      upload.wake = () => {};
    }
    this.isAborted = left.aborted;
    return upload.state !== 'waiting' && !this.isAborted;
  }
}

function ignoreTimeout(error: unknown): void {
  if (!(error instanceof TimeoutError)) throw error;
}
