import { setTimeout as pause } from 'node:timers/promises';
import type { Exit, Workerd } from './start-workerd.ts';

/** A workerd that is restarted whenever it ends. */
export interface Supervised {
  /** Settles when `stop` has ended it. Rejects only because of a bug of ours. */
  readonly ended: Promise<void>;
  /** The process that runs now, or that ended last. */
  readonly current: () => Workerd;
  /** Ends it and starts another once the old one has been reaped. Calls in flight get `withinMs`. */
  replace(withinMs: number): Promise<void>;
  /** Takes no new connection, lets calls in flight end, and cuts off what still runs after `withinMs`. */
  stop(withinMs: number): Promise<void>;
  kill(): void;
}

export interface SuperviseOptions {
  readonly start: () => Workerd;
  /** Called for each process that listens. */
  readonly onStarted: () => void;
  /** Called when a process did not start, before the next try. */
  readonly onFailedStart: () => void;
  readonly log: (line: string) => void;
}

const FIRST_PAUSE_MS = 100;
const LONGEST_PAUSE_MS = 10_000;
/** A process that ran for this long was healthy: the pauses start from the shortest again. */
const HEALTHY_MS = 60_000;

/**
 * Keeps workerd running: whenever a process ends unasked it starts another, and never gives up. The pause before a
 * start doubles, from 0.1 to 10 seconds. A process starts only after the last one has been reaped: two never run at once.
 *
 * @throws if the first process does not start.
 */
export async function superviseWorkerd({
  start,
  onStarted,
  onFailedStart,
  log,
}: SuperviseOptions): Promise<Supervised> {
  let wanted: 'run' | 'replace' | 'stop' = 'run';
  let workerd = start();
  let hurry = new AbortController();
  await workerd.ready.catch((error: Error) => {
    throw new Error(`workerd did not start: ${error.message}${said(workerd)}`);
  });

  onStarted();

  const run = async () => {
    let failures = 0;
    let startedAtMs = performance.now();
    while (true) {
      const exit = await workerd.exited;
      if (wanted === 'stop') return;
      const endedAtMs = performance.now();
      if (endedAtMs - startedAtMs >= HEALTHY_MS) failures = 0;
      if (wanted === 'run') {
        const pauseMs = Math.min(FIRST_PAUSE_MS * 2 ** failures, LONGEST_PAUSE_MS);
        log(describeEnd(workerd, exit, pauseMs));
        failures += 1;
        // A stop or replacement does not wait for the pause.
        await pause(pauseMs, undefined, { signal: hurry.signal }).catch(() => {});
      }
      if (isNow('stop')) return;
      wanted = 'run';
      hurry = new AbortController();
      startedAtMs = performance.now();
      workerd = start();
      const started = await workerd.ready.then(
        () => true,
        () => false,
      );
      // One that was replaced or stopped while it started has neither started nor failed.
      if (!isNow('run')) continue;
      if (started) {
        onStarted();
        log(`workerd serves again, after ${seconds(performance.now() - endedAtMs)}.`);
      } else onFailedStart();
    }
  };
  // The compiler does not see that it changes while we wait.
  const isNow = (what: typeof wanted): boolean => wanted === what;
  const ended = run();

  const end = (withinMs: number) => {
    const ending = workerd;
    hurry.abort();
    ending.kill('SIGTERM');
    const cutOff = setTimeout(() => {
      log('Calls that still ran were cut off.');
      ending.kill('SIGKILL');
    }, withinMs);
    return ending.exited.finally(() => clearTimeout(cutOff));
  };

  return {
    ended,
    current: () => workerd,
    async replace(withinMs) {
      if (wanted !== 'run') return;
      wanted = 'replace';
      await end(withinMs);
    },
    async stop(withinMs) {
      wanted = 'stop';
      await end(withinMs);
      await ended;
    },
    kill: () => workerd.kill('SIGKILL'),
  };
}

const seconds = (ms: number): string => `${(ms / 1_000).toFixed(1)} s`;

const said = (workerd: Workerd): string => {
  const words = workerd.lastWords();
  return words === undefined ? '; it wrote no error' : `; its last line: ${words}`;
};

const describeEnd = (workerd: Workerd, exit: Exit, pauseMs: number): string =>
  `workerd (process ${workerd.pid}) ended by itself (${typeof exit === 'number' ? `code ${exit}` : exit})${said(workerd)}. ` +
  `It is started again in ${seconds(pauseMs)}; connections wait meanwhile.`;
