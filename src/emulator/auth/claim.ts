/** The signature data of a request, read from its header or its query and not yet verified. */
export interface Claim {
  /** `keyId/date/region/service/aws4_request`, as received. */
  readonly credential: string;
  readonly signedHeaders: readonly string[];
  readonly signature: string;
  readonly amzDate: string;
  /** Undefined if the request has no session token. */
  readonly sessionToken: string | undefined;
  /** True if the signature covers the session token. */
  readonly sessionTokenSigned: boolean;
  /** Seconds that the signature is valid after its date. */
  readonly validSeconds: number;
}

/** Maximum difference in seconds between a signature's date and the service's clock: five minutes on Lambda (recorded). */
export const skewSeconds = 300;
