/** What was waited for did not come in time. */
export class TimeoutError extends Error {}

/**
 * Waits for a promise, but no longer than this. The work behind the promise is not aborted; it may go on until its
 * request is over. A timer costs a call a third of what an `AbortSignal` does.
 *
 * @throws TimeoutError
 */
export type Within = <T>(timeoutMs: number, promise: Promise<T>) => Promise<T>;

/** Waits once. */
export const within: Within = async (timeoutMs, promise) => {
  const stopwatch = createStopwatch();
  try {
    return await stopwatch.within(timeoutMs, promise);
  } finally {
    stopwatch.stop();
  }
};

/** Waits one after the other, all by one timer: to set one and to clear it costs as much as a signature. */
export interface Stopwatch {
  readonly within: Within;
  /** Lets go of the timer, when nothing is waited for any more. */
  readonly stop: () => void;
}

export function createStopwatch(): Stopwatch {
  let timer: ReturnType<typeof setTimeout> | null = null;
  let ringsAtMs = 0;
  let wait: { readonly untilMs: number; readonly timeoutMs: number; readonly reject: (late: TimeoutError) => void };

  const stop = () => {
    if (timer !== null) clearTimeout(timer);
    timer = null;
  };
  const set = (ms: number, atMs: number) => {
    ringsAtMs = atMs;
    timer = setTimeout(ring, ms);
  };
  const ring = () => {
    timer = null;
    // It may have been set for an earlier wait. The clock is not asked: it may have stepped meanwhile.
    const leftMs = Math.min(wait.untilMs - ringsAtMs, wait.timeoutMs);
    if (leftMs > 0) set(leftMs, wait.untilMs);
    else wait.reject(new TimeoutError(`no answer within ${wait.timeoutMs} ms`)); // of a wait that is over: nothing
  };
  return {
    // By hand: `async` and `Promise.race` would make four promises more, three times a call.
    within<T>(timeoutMs: number, promise: Promise<T>) {
      const { promise: inTime, resolve, reject } = Promise.withResolvers<T>();
      const untilMs = Date.now() + timeoutMs;
      wait = { untilMs, timeoutMs, reject };
      if (timer !== null && ringsAtMs > untilMs) stop();
      if (timer === null) set(timeoutMs, untilMs);
      promise.then(resolve, reject);
      return inTime;
    },
    stop,
  };
}
