/** The messages between the service and an execution environment, which is a thread. */

/** One event for a function. */
export interface Invocation {
  readonly requestId: string;
  readonly invokedFunctionArn: string;
  readonly payload: Uint8Array<ArrayBuffer>;
  readonly clientContext: string | undefined;
  readonly tenantId: string | undefined;
  readonly traceId: string;
  /** True: a streaming handler's output arrives in chunks as it is written. False: the output arrives as one result. */
  readonly streamed: boolean;
}

/** An error as it appears in the body of an answer. Its members come in this order. */
export interface ErrorDocument {
  readonly errorType: string;
  readonly errorMessage: string;
  readonly [member: string]: unknown;
}

/** The setup of a new environment: the module of its function, and the folder with that module. */
export interface EnvironmentSetup {
  readonly module: string;
  /** The developer's folder that contains the module. Undefined for a built-in function. */
  readonly folder?: string | undefined;
}

export type ToEnvironment =
  | { readonly kind: 'invoke'; readonly invocation: Invocation; readonly deadlineMs: number }
  /** Another `byteLength` bytes of the stream have been passed to the caller. */
  | { readonly kind: 'passed'; readonly byteLength: number };

export type FromEnvironment =
  | { readonly kind: 'log'; readonly text: string }
  | { readonly kind: 'chunk'; readonly bytes: Uint8Array<ArrayBuffer> }
  /** The end of an invocation. `bytes` is null after a stream. */
  | { readonly kind: 'done'; readonly bytes: Uint8Array<ArrayBuffer> | null; readonly heapMb: number }
  /** If `ends` is true, the environment takes no more events. */
  | { readonly kind: 'failed'; readonly error: ErrorDocument; readonly ends: boolean; readonly heapMb: number };
