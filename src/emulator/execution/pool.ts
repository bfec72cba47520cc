import { type Environment, type PassChunk, startEnvironment } from './environment.ts';
import { type Completion, execute } from './execute.ts';
import type { Invocation } from './protocol.ts';
import type { Target } from './target.ts';

/** The environments of all functions. An idle environment waits for the next event of its `Target`. */
export interface Pool {
  /** Runs an event now. Returns undefined if `maxConcurrency` events are already running. */
  run(target: Target, invocation: Invocation, passChunk: PassChunk): Promise<Completion> | undefined;
  /** Runs an event as soon as fewer than `maxConcurrency` events are running. */
  runWhenFree(target: Target, invocation: Invocation): Promise<Completion>;
  /** Ends every environment immediately, busy or idle. */
  close(): Promise<void>;
}

/** Milliseconds until an idle environment is ended. */
const idleMs = 60_000;

/** The maximum number of environments, the timeout of an event, and the printer of log lines. */
export interface PoolOptions {
  readonly maxConcurrency: number;
  readonly timeoutSeconds: number;
  readonly print: (line: string) => void;
}

/** Creates an empty pool. The pool holds at most `maxConcurrency` environments, running and idle together. */
export function openPool({ maxConcurrency, timeoutSeconds, print }: PoolOptions): Pool {
  const all = new Set<Environment>();
  /** Idle environments, each with the timer that ends it. The longest idle is first. */
  const idle = new Map<Environment, NodeJS.Timeout>();
  const waiting: (() => void)[] = [];
  let isClosed = false;

  const wake = (environment: Environment) => {
    clearTimeout(idle.get(environment));
    idle.delete(environment);
    return environment;
  };

  const end = (environment: Environment) => {
    all.delete(wake(environment));
    return environment.end();
  };

  const take = (target: Target): Environment => {
    for (const environment of [...idle.keys()].reverse()) {
      if (!environment.isUsable || isOutdated(environment.target, target)) void end(environment);
      else if (isSame(environment.target, target)) return wake(environment);
    }
    const [oldest] = idle.keys();
    if (oldest && all.size >= maxConcurrency) void end(oldest);
    const environment = startEnvironment(target, timeoutSeconds);
    all.add(environment);
    return environment;
  };

  const giveBack = (environment: Environment) => {
    if (environment.isUsable) idle.set(environment, setTimeout(() => void end(environment), idleMs).unref());
    else void end(environment);
    waiting.shift()?.();
  };

  const start = async (target: Target, invocation: Invocation, passChunk: PassChunk): Promise<Completion> => {
    const environment = take(target);
    try {
      return await execute(environment, invocation, passChunk, print);
    } finally {
      giveBack(environment);
    }
  };

  const isFull = () => isClosed || all.size - idle.size >= maxConcurrency;
  return {
    run: (target, invocation, passChunk) => (isFull() ? undefined : start(target, invocation, passChunk)),
    async runWhenFree(target, invocation) {
      while (isFull()) await new Promise<void>((resolve) => waiting.push(resolve));
      return start(target, invocation, async () => {});
    },
    async close() {
      isClosed = true;
      waiting.length = 0;
      await Promise.all([...all].map(end));
    },
  };
}

function isSame(a: Target, b: Target): boolean {
  return (
    a.code.revision === b.code.revision &&
    a.code.name === b.code.name &&
    a.version === b.version &&
    a.region === b.region
  );
}

/** True if the function's code has changed since `running` was started. */
function isOutdated(running: Target, wanted: Target): boolean {
  return running.code.name === wanted.code.name && running.code.revision !== wanted.code.revision;
}
