import { setTimeout as pause } from 'node:timers/promises';
import type { Exit, Workerd } from './start-workerd.ts';

/** A workerd process that is restarted whenever it ends. */
export interface Supervised {
  /** Resolves when `stop` has ended workerd. A rejection means that Postern has a bug. */
  readonly ended: Promise<void>;
  /** Returns the running process, or the last process if none runs. */
  readonly current: () => Workerd;
  /** Ends the process and, once it has been reaped, starts a new process. Calls in flight get `withinMs` to finish. */
  replace(withinMs: number): Promise<void>;
  /** Accepts no new connections, lets calls in flight end, and cuts off calls that still run after `withinMs`. */
  stop(withinMs: number): Promise<void>;
  kill(): void;
}

export interface SuperviseOptions {
  readonly start: () => Workerd;
  /** Called each time that a process has started and listens. */
  readonly onStarted: () => void;
  /** Called after each failed restart, before the next attempt. */
  readonly onFailedStart: () => void;
  readonly log: (line: string) => void;
}

const FIRST_PAUSE_MS = 100;
const LONGEST_PAUSE_MS = 10_000;
/** A process that ran for at least this time was healthy, so the next pause is the shortest again. */
const HEALTHY_MS = 60_000;

/**
 * Keeps workerd running: restarts workerd whenever it ends by itself, and never gives up. The pause before a restart
 * doubles, from 0.1 to 10 seconds. A process starts only after the previous process has been reaped, so two processes
 * never run at once.
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
        // A stop or a replacement cuts the pause short.
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
      // A process that was replaced or stopped during its start counts neither as started nor as failed.
      if (!isNow('run')) continue;
      if (started) {
        onStarted();
        log(`workerd serves again, after ${seconds(performance.now() - endedAtMs)}.`);
      } else onFailedStart();
    }
  };
  // The compiler does not see that `wanted` may change during an `await`.
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
