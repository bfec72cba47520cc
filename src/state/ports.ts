/** The dependencies that `worker.ts` passes to an object. */
export interface ObjectPorts {
  /** Returns the current time in epoch milliseconds. */
  readonly now: () => number;
}
