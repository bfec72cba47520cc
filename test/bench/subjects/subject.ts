import type { Server } from '../machine.ts';

/** Something to measure: a server in front of the upstream, and how to call it. */
export interface Subject {
  readonly name: string;
  readonly server: Server;
  /** Where a call goes. */
  readonly url: string;
  stop(): Promise<void>;
}

/** Where a subject is set up. */
export interface Site {
  /** An empty folder of its own. */
  readonly folder: string;
  /** The upstream's origin. */
  readonly upstream: string;
}

export const FUNCTION_NAME = 'orders';
export const REGION = 'us-east-1';
export const INVOKE_PATH = `/2015-03-31/functions/${FUNCTION_NAME}/invocations`;
