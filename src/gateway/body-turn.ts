import type { BodyMemory, Upload } from '../core/body-memory/body-memory.ts';
import { MAX_WAIT_MS, WAIT_CHECK_MS } from '../core/body-memory/limits.ts';
import { TimeoutError, type Within } from '../edge/deadline.ts';

export interface TurnOptions {
  readonly memory: BodyMemory;
  readonly wait: Within;
  /** Aborted when the caller resets its connection. (A caller that only closes its connection is noticed at its turn.) */
  readonly signal: () => AbortSignal;
  readonly maxWaitMs?: number | undefined;
}

/** One upload's waits for memory, at most `maxWaitMs` in total. (A class, because every call creates one.) */
export class Turn {
  waitedMs = 0;
  /** True if the caller left while its upload was waiting. */
  isAborted = false;
  private readonly options: TurnOptions;

  constructor(options: TurnOptions) {
    this.options = options;
  }

  /**
   * Waits until an upload is no longer `waiting`.
   * @returns false if the upload waited too long or its caller has left. The upload must then be closed.
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
        // A slow upload loses its memory after some time. Only waiting calls check that time.
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
