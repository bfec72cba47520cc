import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { pinned } from './machine.ts';

/** Calls to make: all alike, a fixed number over connections that are kept open, each waiting for its answer. */
export interface LoadOrder {
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  /** A file with the body, which is too large to be told. */
  readonly bodyFile: string;
  readonly connections: number;
  readonly calls: number;
}

/** What came of them. Latencies in milliseconds, of answers of status 2xx. */
export interface LoadReport {
  readonly answered: number;
  /** Answers other than 2xx, by status; `lost` where none came. */
  readonly failures: Readonly<Record<string, number>>;
  readonly seconds: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
}

/** Whoever makes the calls, in a process of its own. */
export interface Load {
  run(order: LoadOrder): Promise<LoadReport>;
  stop(): Promise<void>;
}

export function startLoad(): Load {
  const [file = '', ...args] = pinned('load', [process.execPath, join(import.meta.dirname, 'load-process.ts')]);
  const child: ChildProcess = spawn(file, args, { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
  const exited = once(child, 'exit');
  return {
    async run(order) {
      child.send(order);
      const ended = exited.then(([code]) => {
        throw new Error(`the load's process ended with ${code}`);
      });
      const [report] = (await Promise.race([once(child, 'message'), ended])) as [LoadReport];
      return report;
    },
    async stop() {
      child.disconnect();
      await exited;
    },
  };
}
