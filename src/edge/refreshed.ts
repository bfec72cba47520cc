import { within } from './deadline.ts';
import type { WaitUntil } from './wait-until.ts';

export interface RefreshedOptions<V> {
  /** Gets the newest value. */
  readonly fetch: () => Promise<V>;
  readonly now: () => number;
  /** Called when a fetch fails. */
  readonly onFailure: (error: unknown) => void;
  /**
   * Returns the milliseconds until a value is stale. A stale value is still served while it is refreshed in the
   * background. Called once per value, to spread the refreshes.
   */
  readonly freshMs: () => number;
  /** Milliseconds after which a value is no longer served. */
  readonly maxAgeMs: number;
  /** Minimum milliseconds between a successful fetch and the next fetch. */
  readonly gapMs: number;
  /** Minimum milliseconds between a failed fetch and the next fetch. */
  readonly backoffMs: number;
  /** Milliseconds after which a fetch counts as lost, because the request that started the fetch may be gone. */
  readonly timeoutMs: number;
}

/** Waits for a value. Resolves to undefined once the caller has left. The fetch continues for other callers. */
export type UnlessLeft = <T>(value: Promise<T>) => Promise<T | undefined>;

/** A remote value in an isolate's memory. A stale value is still served while a request fetches the new value. */
export interface Refreshed<V> {
  /** Returns the value, and fetches it first if no value may be served. Undefined if the value cannot be fetched now. */
  read(waitUntil: WaitUntil, unlessLeft?: UnlessLeft): Promise<V | undefined>;
  /** True if a fetch is under way or may begin now. */
  mayRefresh(): boolean;
  /** Fetches the value again, or waits for the fetch under way. Undefined if the fetch failed. */
  refresh(waitUntil: WaitUntil, unlessLeft?: UnlessLeft): Promise<V | undefined>;
}

export function createRefreshed<V>(options: RefreshedOptions<V>): Refreshed<V> {
  const { now, timeoutMs } = options;
  let held: { readonly value: V; readonly staleAtMs: number; readonly endsAtMs: number } | undefined;
  let notBeforeMs = 0;
  let fetching: { readonly done: Promise<boolean>; readonly untilMs: number } | undefined;

  const fetchOnce = async (): Promise<boolean> => {
    try {
      const value = await options.fetch();
      const nowMs = now();
      held = { value, staleAtMs: nowMs + options.freshMs(), endsAtMs: nowMs + options.maxAgeMs };
      notBeforeMs = nowMs + options.gapMs;
      return true;
    } catch (error) {
      notBeforeMs = now() + options.backoffMs;
      options.onFailure(error);
      return false;
    }
  };

  /** Starts a fetch, or returns the fetch under way, so that all requests share one fetch. The promise never rejects. */
  const start = (waitUntil: WaitUntil): Promise<boolean> => {
    if (fetching && now() < fetching.untilMs) return fetching.done;
    const mine = { done: fetchOnce(), untilMs: now() + timeoutMs };
    fetching = mine;
    waitUntil(
      mine.done.finally(() => {
        if (fetching === mine) fetching = undefined;
      }),
    );
    return mine.done;
  };

  const mayRefresh = () => fetching !== undefined || now() >= notBeforeMs;
  const refresh = async (waitUntil: WaitUntil, unlessLeft: UnlessLeft = (value) => value) => {
    const done = await unlessLeft(within(timeoutMs, start(waitUntil)).catch(() => false));
    return done ? held?.value : undefined;
  };
  return {
    mayRefresh,
    refresh,
    async read(waitUntil, unlessLeft) {
      if (held && now() < held.endsAtMs) {
        if (now() >= held.staleAtMs && mayRefresh()) void start(waitUntil);
        return held.value;
      }
      return mayRefresh() ? await refresh(waitUntil, unlessLeft) : undefined;
    },
  };
}
