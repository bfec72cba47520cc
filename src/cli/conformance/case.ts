/** The operation of a case. `Presigned`: the SDK presigns an Invoke URL, and a plain HTTP client requests the URL. */
export type CaseOperation = 'Invoke' | 'InvokeWithResponseStream' | 'InvokeAsync' | 'Presigned';

/** A deliberate fault in how a case is signed. Other cases use the caller's key pair and a correct clock. */
export type CredentialsFault =
  /** The caller's key id with a secret that does not belong to the key. */
  | 'wrong-secret'
  /** A key pair that was never issued. */
  | 'unknown-key'
  /** The caller's key pair, with a signing clock that is one hour behind. */
  | 'skewed-clock'
  /** A valid key pair of a caller who may call nothing. */
  | 'other-tenant';

/** A feature that some SDKs lack. A client may answer `unsupported` only if the case needs a feature that its SDK lacks. */
export type Need =
  | 'stream'
  | 'tenantId'
  | 'presign'
  | 'presignWithoutExpires'
  | 'invokeAsync'
  | 'clock'
  /** The caller sends extra headers, all signed. */
  | 'headers'
  /** The caller sends one extra header as two lines. */
  | 'repeatedHeaders';

/** One call and its expected outcome. A case is plain data, so that clients in any language can run it. */
export interface Case {
  readonly id: string;
  readonly title: string;
  readonly operation: CaseOperation;
  readonly function: string;
  readonly qualifier?: string;
  readonly invocationType?: 'RequestResponse' | 'Event' | 'DryRun';
  readonly logType?: 'None' | 'Tail';
  /** Base64, which the client sends unchanged. */
  readonly clientContext?: string;
  readonly tenantId?: string;
  /** The payload as text. If `payload` and `payloadBytes` are both absent, the SDK gets no payload. */
  readonly payload?: string;
  /** The payload is a JSON string of this many bytes in total: `x` characters between two quotes. */
  readonly payloadBytes?: number;
  readonly credentials?: CredentialsFault;
  /** The caller's extra header lines, in the order to send them. The client signs every line. */
  readonly headers?: readonly (readonly [name: string, value: string])[];
  /** `Presigned` only: the URL lacks `X-Amz-Expires`, like URLs from signers for services other than S3. */
  readonly presignWithoutExpires?: true;
  /** `default`: the SDK uses its default retries. Absent: the SDK makes only one attempt. */
  readonly retries?: 'default';
  /** `throttle`: the call goes to POSTERN_THROTTLE_ENDPOINT, which answers every call with 429 and `Retry-After: 1`. */
  readonly endpoint?: 'throttle';
  /** What the case measures. The table of results shows what the client did. A measurement neither passes nor fails. */
  readonly report?: 'retries' | 'clock-correction';
  readonly needs?: readonly Need[];
  readonly expect: Expectation;
}

/**
 * The expected outcome of a case. Without `error`, the call must succeed. Without `functionError`, the function must not
 * fail. Any other absent member accepts every value.
 */
export interface Expectation {
  readonly status?: number;
  readonly executedVersion?: string;
  readonly functionError?: string;
  /** The exact text of the answer. */
  readonly payload?: string;
  readonly payloadContains?: string;
  readonly payloadBytes?: number;
  /** The answer must equal the request's payload, byte for byte. */
  readonly echoesPayload?: true;
  readonly logContains?: string;
  /** The minimum number of chunks that must arrive. Every streamed answer must also end with InvokeComplete. */
  readonly chunks?: number;
  readonly error?: ExpectedError;
}

/** The error that a client must report. */
export interface ExpectedError {
  /** The accepted names: first Postern's, from the API document, then any that the service was recorded to send instead. */
  readonly names: readonly string[];
  readonly status: number;
  readonly messageContains?: string;
  /** An error with the first name must be an instance of the SDK's class for that error, if the SDK has error classes. */
  readonly typed?: true;
}

/** The outcome of a case, as a client reports it on one line of JSON. */
export interface Outcome {
  readonly id: string;
  readonly status?: number;
  readonly executedVersion?: string;
  readonly functionError?: string;
  readonly payloadBase64?: string;
  /** Replaces `payloadBase64` if the answer is longer than 1,000,000 bytes. */
  readonly payloadSha256?: string;
  readonly payloadBytes?: number;
  /** The log tail, decoded from Base64. */
  readonly log?: string;
  /** The number of PayloadChunk events that arrived. Their bytes, joined in order, are the payload. */
  readonly chunks?: number;
  /** True if InvokeComplete arrived. */
  readonly complete?: boolean;
  readonly error?: OutcomeError;
  /** The number of attempts, if the client counts them. For the throttle endpoint, the runner counts them instead. */
  readonly attempts?: number;
  /** The wait before each attempt after the first, as measured by the runner. */
  readonly waitsSeconds?: readonly number[];
  /** The reason why this client cannot run the case. */
  readonly unsupported?: string;
}

/** An error as the client's SDK reports it. */
export interface OutcomeError {
  readonly name: string;
  readonly status?: number;
  readonly message: string;
  /** True if the error is an instance of the SDK's class for that error. Absent if the SDK has no error classes. */
  readonly typed?: boolean;
}
