/** Thrown when a promise has not settled in time. */
export class TimeoutError extends Error {}

/**
 * Waits for a promise for at most `timeoutMs`. Does not abort the work behind the promise, which may continue until its
 * request ends. A timer costs a third as much as an `AbortSignal`.
 *
 * @throws TimeoutError
 */
export type Within = <T>(timeoutMs: number, promise: Promise<T>) => Promise<T>;

/** Waits for one promise, with a separate timer. */
export const within: Within = async (timeoutMs, promise) => {
  const stopwatch = createStopwatch();
  try {
    return await stopwatch.within(timeoutMs, promise);
  } finally {
    stopwatch.stop();
  }
};

/** Times consecutive waits with a single timer, because setting and clearing a timer costs as much as a signature. */
export interface Stopwatch {
  readonly within: Within;
  /** Clears the timer. Call it after the last wait. */
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
    // The timer may have been set for an earlier wait. The code does not read the clock, which may have jumped.
    const leftMs = Math.min(wait.untilMs - ringsAtMs, wait.timeoutMs);
    if (leftMs > 0) set(leftMs, wait.untilMs);
    else wait.reject(new TimeoutError(`no answer within ${wait.timeoutMs} ms`)); // does nothing if the wait is already over
  };
  return {
    // Written by hand: `async` and `Promise.race` would create four more promises, three times per call.
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
