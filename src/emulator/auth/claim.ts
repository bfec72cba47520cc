/** A signed request's statements about itself, read from its header or its query and not proved yet. */
export interface Claim {
  /** `keyId/date/region/service/aws4_request`, as it came. */
  readonly credential: string;
  readonly signedHeaders: readonly string[];
  readonly signature: string;
  readonly amzDate: string;
  /** The session token that came along; undefined when there is none. */
  readonly sessionToken: string | undefined;
  /** Whether the signature covers that token. */
  readonly sessionTokenSigned: boolean;
  /** Seconds after its date for which the signature is valid. */
  readonly validSeconds: number;
}

/** Seconds that a signature's date may differ from the service's clock: five minutes on Lambda (recorded). */
export const skewSeconds = 300;
