/** What `postern dev --json` says when it is ready. */
export interface Ready {
  readonly gateway: string;
  readonly lambda: string;
  readonly console: string | null;
  readonly adminToken: string;
  readonly demo: {
    readonly tenantId: string;
    readonly apiKey: string;
    readonly accessKeyId: string;
    readonly secretAccessKey: string;
  };
}

export interface RunningPostern extends Ready {
  readonly pid: number;
  readonly stateDir: string;
  /** What it has written to standard error so far. */
  readonly log: () => string;
  /** Ends it as a user would. @returns the exit code. */
  stop(signal?: 'SIGTERM' | 'SIGINT'): Promise<number | null>;
}

export interface PosternOptions {
  readonly args?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  /** Kept when it stops; otherwise a new folder that goes with it. */
  readonly stateDir?: string;
}
