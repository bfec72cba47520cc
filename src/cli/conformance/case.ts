/** What a case does. `Presigned`: the SDK makes a presigned URL of Invoke, and plain HTTP fetches it. */
export type CaseOperation = 'Invoke' | 'InvokeWithResponseStream' | 'InvokeAsync' | 'Presigned';

/** With whose credentials a case is signed, where it is not the caller's own. */
export type CredentialsFault =
  /** The caller's key id with a secret that is not its own. */
  | 'wrong-secret'
  /** A pair that nobody minted. */
  | 'unknown-key'
  /** The caller's own pair, signed by a clock that is one hour behind. */
  | 'skewed-clock'
  /** A valid pair of a caller who may call nothing. */
  | 'other-tenant';

/** What an SDK may lack; a client that lacks it answers `unsupported`, and may not otherwise. */
export type Need =
  | 'stream'
  | 'tenantId'
  | 'presign'
  | 'presignWithoutExpires'
  | 'invokeAsync'
  | 'clock'
  /** The caller sends extra headers, all signed. */
  | 'headers'
  /** One of these headers is sent in two lines. */
  | 'repeatedHeaders';

/** One call and what must come of it: the unit of the conformance kit, as data, for clients in any language. */
export interface Case {
  readonly id: string;
  readonly title: string;
  readonly operation: CaseOperation;
  readonly function: string;
  readonly qualifier?: string;
  readonly invocationType?: 'RequestResponse' | 'Event' | 'DryRun';
  readonly logType?: 'None' | 'Tail';
  /** Already in Base64; sent unchanged. */
  readonly clientContext?: string;
  readonly tenantId?: string;
  /** The payload's text. Neither this nor `payloadBytes`: the SDK is given no payload at all. */
  readonly payload?: string;
  /** The payload is a JSON string of that many bytes in all: a quote, as many `x` as it takes, a quote. */
  readonly payloadBytes?: number;
  readonly credentials?: CredentialsFault;
  /** Header lines of the caller's own, in this order, all signed. */
  readonly headers?: readonly (readonly [name: string, value: string])[];
  /** `Presigned` only: the URL has no `X-Amz-Expires`, as from signers for services other than S3. */
  readonly presignWithoutExpires?: true;
  /** Retried as the SDK does when nobody tells it otherwise; every other case is tried once. */
  readonly retries?: 'default';
  /** Sent to POSTERN_THROTTLE_ENDPOINT, which answers every call 429 with `Retry-After: 1`, in place of the endpoint. */
  readonly endpoint?: 'throttle';
  /** A measurement: the table says what the client did, and nothing passes or fails. */
  readonly report?: 'retries' | 'clock-correction';
  readonly needs?: readonly Need[];
  readonly expect: Expectation;
}

/** What must come of a case; what is absent may be anything. Without `error`, the call must succeed. */
export interface Expectation {
  readonly status?: number;
  readonly executedVersion?: string;
  readonly functionError?: string;
  /** The answer's exact text. */
  readonly payload?: string;
  readonly payloadContains?: string;
  readonly payloadBytes?: number;
  /** The answer is the request's payload, byte for byte. */
  readonly echoesPayload?: true;
  readonly logContains?: string;
  /** At least this many chunks were seen, and the end of the stream. */
  readonly chunks?: number;
  readonly error?: ExpectedError;
}

/** The error that a client must see. */
export interface ExpectedError {
  /** Names that will do: Postern's (the API document's) first, then what the service is recorded to send instead. */
  readonly names: readonly string[];
  readonly status: number;
  readonly messageContains?: string;
  /** The first of the names must arrive as the SDK's own class for it, where the SDK has such classes. */
  readonly typed?: true;
}

/** What a client says came of a case: one line of JSON each. */
export interface Outcome {
  readonly id: string;
  readonly status?: number;
  readonly executedVersion?: string;
  readonly functionError?: string;
  readonly payloadBase64?: string;
  /** In place of `payloadBase64` when the answer is over 1,000,000 bytes. */
  readonly payloadSha256?: string;
  readonly payloadBytes?: number;
  /** The tail of the log, decoded. */
  readonly log?: string;
  /** How many PayloadChunk events arrived; their bytes together are the payload. */
  readonly chunks?: number;
  /** Whether InvokeComplete arrived. */
  readonly complete?: boolean;
  readonly error?: OutcomeError;
  /** How many attempts were made, where the client can tell; the runner counts those of the throttle endpoint itself. */
  readonly attempts?: number;
  /** How long the client waited before each attempt but the first; the runner measures it. */
  readonly waitsSeconds?: readonly number[];
  /** Why this client cannot run the case. */
  readonly unsupported?: string;
}

/** An error as the client's SDK shows it. */
export interface OutcomeError {
  readonly name: string;
  readonly status?: number;
  readonly message: string;
  /** Whether it arrived as the SDK's own class for that error; absent where the SDK has no such classes. */
  readonly typed?: boolean;
}
