import { afterAll, beforeAll, beforeEach } from 'vitest';
import { startPostern, takeCalls } from './postern.ts';
import type { RunningPostern } from './running-postern.ts';

/** Runs Postern for the tests of a file, and empties the local Lambda's record before each of them. */
export function usePostern(): RunningPostern {
  let running: RunningPostern | undefined;
  beforeAll(async () => {
    running = await startPostern();
  });
  afterAll(async () => {
    await running?.stop();
  });
  beforeEach(async () => {
    if (running) await takeCalls(running.lambda);
  });
  // It is not there before the first test; what a test reads of it is.
  return new Proxy({} as RunningPostern, { get: (_, name) => running?.[name as keyof RunningPostern] });
}
