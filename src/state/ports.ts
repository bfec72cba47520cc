/** What `worker.ts` hands to an object. */
export interface ObjectPorts {
  /** Milliseconds since 1970. */
  readonly now: () => number;
}
