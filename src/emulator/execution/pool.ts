import { type Environment, type PassChunk, startEnvironment } from './environment.ts';
import { type Completion, execute } from './execute.ts';
import type { Invocation } from './protocol.ts';
import type { Target } from './target.ts';

/** The environments of all functions. One that is done waits for the next event of its function and version. */
export interface Pool {
  /** Runs an event now. Undefined if `maxConcurrency` events already run. */
  run(target: Target, invocation: Invocation, passChunk: PassChunk): Promise<Completion> | undefined;
  /** Runs an event as soon as there is room. */
  runWhenFree(target: Target, invocation: Invocation): Promise<Completion>;
  /** Ends every environment at once, even a busy one. */
  close(): Promise<void>;
}

/** Milliseconds for which an idle environment is kept. */
const idleMs = 60_000;

/** How many environments a pool holds, how long each may take over an event, and where their logs are printed. */
export interface PoolOptions {
  readonly maxConcurrency: number;
  readonly timeoutSeconds: number;
  readonly print: (line: string) => void;
}

/** Opens an empty pool. It holds at most `maxConcurrency` environments, running and idle together. */
export function openPool({ maxConcurrency, timeoutSeconds, print }: PoolOptions): Pool {
  const all = new Set<Environment>();
  /** Oldest first. */
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

/** True if the code has changed since. */
function isOutdated(running: Target, wanted: Target): boolean {
  return running.code.name === wanted.code.name && running.code.revision !== wanted.code.revision;
}
