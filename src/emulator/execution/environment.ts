import { Worker } from 'node:worker_threads';
import { environmentVariables, memoryMb } from './environment-variables.ts';
import type { EnvironmentSetup, ErrorDocument, FromEnvironment, Invocation, ToEnvironment } from './protocol.ts';
import type { Target } from './target.ts';

/** Passes a chunk of a stream to the caller. Resolves when the caller can take more. */
export type PassChunk = (bytes: Uint8Array) => Promise<void>;

/** Receives the log text and the chunks of a running invocation. */
export interface Listener {
  readonly log: (text: string) => void;
  readonly chunk: PassChunk;
}

/** The end of an invocation: an error or a result. `bytes` is null after an error or a stream. */
export interface Outcome {
  readonly error: ErrorDocument | undefined;
  readonly bytes: Uint8Array | null;
  readonly heapMb: number;
}

/** An execution environment: a thread that runs one function, one event at a time, as on Lambda. */
export interface Environment {
  readonly target: Target;
  /** False once the environment has crashed, timed out or been ended. An unusable environment takes no more events. */
  readonly isUsable: boolean;
  run(invocation: Invocation, listener: Listener): Promise<Outcome>;
  end(): Promise<void>;
}

interface Running {
  readonly invocation: Invocation;
  readonly listener: Listener;
  readonly settle: (outcome: Outcome) => void;
}

/** Starts an environment. If the function crashes, exits or loops forever, only its invocation fails, with an `Outcome`. */
export function startEnvironment(target: Target, timeoutSeconds: number): Environment {
  const setup: EnvironmentSetup = { module: target.code.module, folder: target.code.folder };
  const worker = new Worker(new URL('./runtime.ts', import.meta.url), {
    workerData: setup,
    env: environmentVariables(target, Date.now()),
    execArgv: [],
    stdout: true,
    stderr: true,
    resourceLimits: { maxOldGenerationSizeMb: memoryMb },
  });
  let isUsable = true;
  let running: Running | undefined;
  let heapMb = 1;
  let exit = 'without providing a reason';
  /** Resolves when all chunks so far have been passed on. Keeps chunks in order, and the end after the last chunk. */
  let passedOn = Promise.resolve();

  const post = (message: ToEnvironment, transfer: ArrayBuffer[] = []) => worker.postMessage(message, transfer);
  const finish = (error: ErrorDocument | undefined, bytes: Uint8Array | null = null) => {
    const ended = running;
    running = undefined;
    ended?.settle({ error, bytes, heapMb });
  };
  const passOn = async (bytes: Uint8Array) => {
    await running?.listener.chunk(bytes);
    post({ kind: 'passed', byteLength: bytes.byteLength });
  };

  worker.on('message', (message: FromEnvironment) => {
    switch (message.kind) {
      case 'log':
        running?.listener.log(message.text);
        return;
      case 'chunk':
        passedOn = passedOn.then(() => passOn(message.bytes));
        return;
      case 'done':
        heapMb = message.heapMb;
        passedOn = passedOn.then(() => finish(undefined, message.bytes));
        return;
      case 'failed':
        heapMb = message.heapMb;
        if (message.ends) isUsable = false;
        passedOn = passedOn.then(() => finish(message.error));
        return;
    }
  });
  // Only a full heap causes this event. After any other error, the thread exits with a code, which `exit` reports.
  worker.on('error', () => {
    exit = 'with error: signal: killed';
  });
  worker.on('exit', (code) => {
    isUsable = false;
    if (code !== 0 && exit === 'without providing a reason') exit = `with error: exit status ${code}`;
    passedOn = passedOn.then(() => finish(exitError(running?.invocation.requestId, exit)));
  });

  return {
    target,
    get isUsable() {
      return isUsable;
    },
    run(invocation, listener) {
      return new Promise((resolve) => {
        const timer = setTimeout(() => {
          isUsable = false;
          finish(timeoutError(invocation.requestId, timeoutSeconds));
          void worker.terminate();
        }, timeoutSeconds * 1000);
        const settle = (outcome: Outcome) => {
          clearTimeout(timer);
          resolve(outcome);
        };
        running = { invocation, listener, settle };
        const deadlineMs = Date.now() + timeoutSeconds * 1000;
        post({ kind: 'invoke', invocation, deadlineMs }, [invocation.payload.buffer]);
      });
    },
    async end() {
      isUsable = false;
      await worker.terminate();
    },
  };
}

/** The service's error for a runtime that has exited (recorded). */
function exitError(requestId: string | undefined, how: string): ErrorDocument {
  return { errorType: 'Runtime.ExitError', errorMessage: `RequestId: ${requestId} Error: Runtime exited ${how}` };
}

/** The service's error for a timeout (recorded 2025-11). */
function timeoutError(requestId: string, timeoutSeconds: number): ErrorDocument {
  const task = `Task timed out after ${timeoutSeconds.toFixed(2)} seconds`;
  return { errorType: 'Sandbox.Timedout', errorMessage: `RequestId: ${requestId} Error: ${task}` };
}
