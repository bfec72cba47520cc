/** The promise did not settle in time. */
export class TimeoutError extends Error {}

/**
 * Waits for a promise, at most `timeoutMs`. Does not abort the work behind the promise, which may go on until its request
 * is over. A timer costs a third of an `AbortSignal`.
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

/** Times waits that follow each other, all with one timer: setting and clearing a timer costs as much as a signature. */
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
    // The timer may have been set for an earlier wait. This does not read the clock, which may have stepped.
    const leftMs = Math.min(wait.untilMs - ringsAtMs, wait.timeoutMs);
    if (leftMs > 0) set(leftMs, wait.untilMs);
    else wait.reject(new TimeoutError(`no answer within ${wait.timeoutMs} ms`)); // of a wait that is over: nothing
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
