import type { BodyMemory, Upload } from '../core/body-memory/body-memory.ts';
import { MAX_WAIT_MS, WAIT_CHECK_MS } from '../core/body-memory/limits.ts';
import { TimeoutError, type Within } from '../edge/deadline.ts';

export interface TurnOptions {
  readonly memory: BodyMemory;
  readonly wait: Within;
  /** Aborted when the caller has left by a reset. (One that closed its connection is found out when its turn comes.) */
  readonly signal: () => AbortSignal;
  readonly maxWaitMs?: number;
}

/** The waits of one upload for memory. */
export interface Turn {
  readonly waitedMs: number;
  /** The caller left while it waited. */
  readonly isAborted: boolean;
  /**
   * Waits until an upload is no longer `waiting`.
   * @returns false if it waited too long, or its caller has left: then it has to be closed.
   */
  come(upload: Upload): Promise<boolean>;
}

/** For one call: its waits together last no longer than `maxWaitMs`. */
export function createTurn({ memory, wait, signal, maxWaitMs = MAX_WAIT_MS }: TurnOptions): Turn {
  let waitedMs = 0;
  let isAborted = false;
  return {
    get waitedMs() {
      return waitedMs;
    },
    get isAborted() {
      return isAborted;
    },
    async come(upload) {
      const left = signal();
      const sinceMs = Date.now();
      const beforeMs = waitedMs;
      let wake = () => {};
      const wakeUp = () => wake();
      left.addEventListener('abort', wakeUp);
      upload.wake = wakeUp;
      try {
        while (upload.state === 'waiting' && !left.aborted && waitedMs < maxWaitMs) {
          const { promise, resolve } = Promise.withResolvers<void>();
          wake = resolve;
          await wait(Math.min(WAIT_CHECK_MS, maxWaitMs - waitedMs), promise).catch(ignoreTimeout);
          waitedMs = beforeMs + Date.now() - sinceMs;
          // A slow upload gives way by time, which only those who wait look at.
          memory.pump(Date.now());
        }
      } finally {
        left.removeEventListener('abort', wakeUp);
        upload.wake = () => {};
      }
      isAborted = left.aborted;
      return upload.state !== 'waiting' && !isAborted;
    },
  };
}

function ignoreTimeout(error: unknown): void {
  if (!(error instanceof TimeoutError)) throw error;
}
