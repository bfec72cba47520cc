/**
 * The shape of an error's body on the wire. Four shapes were recorded:
 * `auth` `{"message"}` · `access` `{"Message"}` · `message` `{"Type","message"}` · `Message` `{"Message","Type"}`.
 */
export type ErrorShape = 'auth' | 'access' | 'message' | 'Message';

/** An error that an Invoke may return. */
export interface LambdaError {
  readonly status: number;
  readonly shape: ErrorShape;
}

const row = (status: number, shape: ErrorShape): LambdaError => ({ status, shape });

/**
 * Every error of an Invoke, by its name in `x-amzn-ErrorType`. The first group is from API_Invoke. The service model defines
 * whether a body has `message` or `Message`. The 403s of the last group come from the service's front end, and API_Invoke
 * does not list these errors.
 */
export const LAMBDA_ERRORS = {
  EC2AccessDeniedException: row(502, 'Message'),
  EC2ThrottledException: row(502, 'Message'),
  EC2UnexpectedException: row(502, 'Message'),
  EFSIOException: row(410, 'Message'),
  EFSMountConnectivityException: row(408, 'Message'),
  EFSMountFailureException: row(403, 'Message'),
  EFSMountTimeoutException: row(408, 'Message'),
  ENILimitReachedException: row(502, 'Message'),
  InvalidParameterValueException: row(400, 'message'),
  InvalidRequestContentException: row(400, 'message'),
  InvalidRuntimeException: row(502, 'Message'),
  InvalidSecurityGroupIDException: row(502, 'Message'),
  InvalidSubnetIDException: row(502, 'Message'),
  InvalidZipFileException: row(502, 'Message'),
  KMSAccessDeniedException: row(502, 'Message'),
  KMSDisabledException: row(502, 'Message'),
  KMSInvalidStateException: row(502, 'Message'),
  KMSNotFoundException: row(502, 'Message'),
  RequestTooLargeException: row(413, 'message'),
  ResourceConflictException: row(409, 'message'),
  ResourceNotFoundException: row(404, 'Message'),
  ResourceNotReadyException: row(502, 'message'),
  ServiceException: row(500, 'Message'),
  SubnetIPAddressLimitReachedException: row(502, 'Message'),
  TooManyRequestsException: row(429, 'message'),
  UnsupportedMediaTypeException: row(415, 'message'),

  // These errors are newer than API_Invoke. Source: the service model of 2026-07.
  CodeArtifactUserDeletedException: row(409, 'message'),
  CodeArtifactUserFailedException: row(409, 'message'),
  CodeArtifactUserPendingException: row(409, 'message'),
  DurableExecutionAlreadyStartedException: row(409, 'Message'),
  ENINotReadyException: row(502, 'Message'),
  ModeNotSupportedException: row(400, 'message'),
  NoPublishedVersionException: row(400, 'Message'),
  RecursiveInvocationException: row(400, 'Message'),
  S3FilesMountConnectivityException: row(408, 'Message'),
  S3FilesMountFailureException: row(403, 'Message'),
  S3FilesMountTimeoutException: row(408, 'Message'),
  SerializedRequestEntityTooLargeException: row(413, 'message'),
  ServiceQuotaExceededException: row(402, 'Message'),
  SnapStartException: row(400, 'Message'),
  SnapStartNotReadyException: row(409, 'Message'),
  SnapStartRegenerationFailureException: row(409, 'Message'),
  SnapStartTimeoutException: row(408, 'Message'),

  // These errors are in no model: the service's front end sends them about the caller's identity.
  AccessDeniedException: row(403, 'access'),
  ExpiredTokenException: row(403, 'auth'),
  IncompleteSignatureException: row(403, 'auth'),
  InvalidSignatureException: row(403, 'auth'),
  MissingAuthenticationTokenException: row(403, 'auth'),
  UnrecognizedClientException: row(403, 'auth'),
} as const satisfies Record<string, LambdaError>;

export type LambdaErrorName = keyof typeof LAMBDA_ERRORS;

/** The members of an error's body other than the message. */
export interface ErrorDetail {
  /** The limit that was exceeded. Only for TooManyRequestsException. */
  readonly reason?: string;
  /** How to fix the error. The service has no such member, and no SDK reads it. */
  readonly hint?: string;
}

/** Writes an error's JSON body as the service does: members in alphabetical order, upper case first. `hint` comes last. */
export function writeErrorBody(
  name: LambdaErrorName,
  status: number,
  message: string,
  detail: ErrorDetail = {},
): string {
  const type = status >= 500 ? 'Service' : 'User';
  // `JSON.stringify` leaves out a member that is undefined.
  const { reason: Reason, hint } = detail;
  switch (LAMBDA_ERRORS[name].shape) {
    case 'auth':
      return JSON.stringify({ message, hint });
    case 'access':
      return JSON.stringify({ Message: message, hint });
    case 'message':
      return JSON.stringify({ Reason, Type: type, message, hint });
    case 'Message':
      return JSON.stringify({ Message: message, Reason, Type: type, hint });
  }
}
