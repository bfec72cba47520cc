import { describe, expect, it } from 'vitest';
import type { Exit, Workerd } from '../../src/cli/serve/start-workerd.ts';
import { superviseWorkerd } from '../../src/cli/serve/supervise.ts';

/** Processes that start and end when the test says so. A signal ends one at once. */
function processes() {
  const started: { ready: () => void; end: (how: Exit) => void; next: Promise<unknown> }[] = [];
  let announce = () => {};
  let next = new Promise<void>((done) => {
    announce = done;
  });
  const start = (): Workerd => {
    const { promise: exited, resolve: end } = Promise.withResolvers<Exit>();
    const { promise: ready, resolve, reject } = Promise.withResolvers<void>();
    ready.catch(() => {});
    void exited.then((how) => reject(new Error(`it ended with ${how}`)));
    started.push({ ready: resolve, end, next });
    announce();
    next = new Promise<void>((done) => {
      announce = done;
    });
    return { pid: started.length, ready, exited, lastWords: () => undefined, kill: end };
  };
  return {
    started,
    start,
    /** Resolves when this many have been started. */
    async reached(count: number) {
      while (started.length < count) await next;
    },
  };
}

async function supervise() {
  const { started, start, reached } = processes();
  const seen: string[] = [];
  const log = (line: string) => seen.push(line);
  const supervising = superviseWorkerd({
    start,
    onStarted: () => seen.push('started'),
    onFailedStart: () => seen.push('failed'),
    log,
  });
  started[0]?.ready();
  return { supervised: await supervising, started, reached, seen };
}

describe('superviseWorkerd', () => {
  it('A4: a SIGHUP while the next workerd starts is no failed start', async () => {
    const { supervised, started, reached, seen } = await supervise();
    await supervised.replace(1_000);
    await reached(2);
    await supervised.replace(1_000);
    await reached(3);
    started[2]?.ready();
    await expect.poll(() => seen.length).toBeGreaterThan(1);
    expect(seen).toEqual(['started', 'started', expect.stringMatching(/^workerd serves again/)]);
    await supervised.stop(1_000);
  });

  it('A4: a SIGHUP while it waits to start again does not hide how the next one ends', async () => {
    const { supervised, started, reached, seen } = await supervise();
    started[0]?.end('SIGSEGV');
    await expect.poll(() => seen.length).toBe(2);
    await supervised.replace(1_000);
    await reached(2);
    started[1]?.ready();
    await expect.poll(() => seen.length).toBe(4);
    started[1]?.end(1);
    await expect.poll(() => seen.length).toBe(5);
    expect(seen).toEqual([
      'started',
      expect.stringMatching(/ended by itself \(SIGSEGV\)/),
      'started',
      expect.stringMatching(/^workerd serves again/),
      expect.stringMatching(/ended by itself \(code 1\)/),
    ]);
    await reached(3);
    started[2]?.ready();
    await supervised.stop(1_000);
  });

  it('A4: one that ends by itself while it starts has failed', async () => {
    const { supervised, started, reached, seen } = await supervise();
    await supervised.replace(1_000);
    await reached(2);
    started[1]?.end(1);
    await reached(3);
    expect(seen.slice(0, 2)).toEqual(['started', 'failed']);
    started[2]?.ready();
    await supervised.stop(1_000);
  });
});
