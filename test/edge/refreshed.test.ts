import { describe, expect, it } from 'vitest';
import { createRefreshed } from '../../src/edge/refreshed.ts';

/** A cell over a source that the test plays: each fetch is answered when the test says so. */
function setUp() {
  let nowMs = 0;
  const fetches: PromiseWithResolvers<string>[] = [];
  const failures: unknown[] = [];
  const kept: Promise<unknown>[] = [];
  const waitUntil = (promise: Promise<unknown>) => void kept.push(promise);
  const cell = createRefreshed<string>({
    fetch: () => {
      const fetch = Promise.withResolvers<string>();
      fetches.push(fetch);
      return fetch.promise;
    },
    now: () => nowMs,
    onFailure: (error) => failures.push(error),
    freshMs: () => 100,
    maxAgeMs: 1_000,
    gapMs: 50,
    backoffMs: 10,
    timeoutMs: 20,
  });
  return {
    fetches,
    failures,
    read: () => cell.read(waitUntil),
    refresh: () => cell.refresh(waitUntil),
    mayRefresh: cell.mayRefresh,
    pass: (ms: number) => {
      nowMs += ms;
    },
    settled: () => Promise.all(kept),
  };
}

describe('createRefreshed', () => {
  it('fetches once for all who read at the same time', async () => {
    const { fetches, read } = setUp();
    const reads = [read(), read(), read()];
    fetches[0]?.resolve('a');
    expect(await Promise.all(reads)).toEqual(['a', 'a', 'a']);
    expect(fetches).toHaveLength(1);
  });

  it('serves a stale value while one fetch gets the next', async () => {
    const { fetches, read, pass, settled } = setUp();
    const first = read();
    fetches[0]?.resolve('a');
    await first;
    pass(100);
    expect([await read(), await read(), fetches.length]).toEqual(['a', 'a', 2]);
    fetches[1]?.resolve('b');
    await settled();
    expect(await read()).toBe('b');
  });

  it('serves no value that is too old, and asks no sooner than after its backoff', async () => {
    const { fetches, failures, read, pass } = setUp();
    const first = read();
    fetches[0]?.resolve('a');
    await first;
    pass(1_000);
    const second = read();
    fetches[1]?.reject(new Error('down'));
    expect([await second, await read(), fetches.length, failures.length]).toEqual([undefined, undefined, 2, 1]);
    pass(10);
    const third = read();
    fetches[2]?.resolve('c');
    expect(await third).toBe('c');
  });

  it('fetches on demand, but not sooner than its gap after the last', async () => {
    const { fetches, read, refresh, mayRefresh, pass } = setUp();
    const first = read();
    expect(mayRefresh()).toBe(true); // a fetch that is under way can be waited for
    fetches[0]?.resolve('a');
    await first;
    await Promise.resolve();
    expect(mayRefresh()).toBe(false);
    pass(50);
    expect(mayRefresh()).toBe(true);
    const next = refresh();
    fetches[1]?.resolve('b');
    expect(await next).toBe('b');
  });

  it('waits for no fetch whose request may be gone, and begins another', async () => {
    const { fetches, read, pass } = setUp();
    expect(await read()).toBeUndefined(); // the first never answers
    pass(20);
    const second = read();
    fetches[1]?.resolve('b');
    expect(await second).toBe('b');
  });
});
