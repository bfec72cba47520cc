/** A refusal. `type` is the value of `x-amzn-ErrorType`, null if the service sends none. */
export interface Refusal {
  readonly status: number;
  readonly type: string | null;
  readonly body: string;
}

/**
 * The body shapes of Lambda's refusals, one maker each, as recorded from the service.
 * No body holds a `__type`, and the members of a modelled error are in the order of their bytes.
 */
export const refuse = {
  /** The front door refuses an identity: `{"message"}`, status 403. */
  identity(type: AuthErrorType, message: string): Refusal {
    return { status: 403, type, body: JSON.stringify({ message }) };
  },

  /** The front door refuses a signature. */
  signature(message: string): Refusal {
    return refuse.identity('InvalidSignatureException', message);
  },

  /** Authorization refuses: `{"Message"}`, status 403. */
  access(message: string): Refusal {
    return { status: 403, type: 'AccessDeniedException', body: JSON.stringify({ Message: message }) };
  },

  /** The framework refuses arguments, with all their faults in one message: `{"message"}`, status 400. */
  arguments(faults: readonly string[]): Refusal {
    const noun = faults.length === 1 ? 'validation error' : 'validation errors';
    const message = `${faults.length} ${noun} detected: ${faults.join('; ')}`;
    return { status: 400, type: 'ValidationException', body: JSON.stringify({ message }) };
  },

  /** An error of the model that the caller caused: `{"Type":"User","message"}`. */
  caller(status: number, type: string, message: string): Refusal {
    return { status, type, body: JSON.stringify({ Type: 'User', message }) };
  },

  /** A missing resource. The model spells this error's `Message` with a capital M. */
  missing(message: string): Refusal {
    return {
      status: 404,
      type: 'ResourceNotFoundException',
      body: JSON.stringify({ Message: message, Type: 'User' }),
    };
  },

  /** A throttle; the service sends no Retry-After with it. */
  throttle(reason: ThrottleReason): Refusal {
    const body = JSON.stringify({ Reason: reason, Type: 'User', message: 'Rate Exceeded.' });
    return { status: 429, type: 'TooManyRequestsException', body };
  },

  /** Refuses a path or method that names no operation: XML, and no type header. */
  route(): Refusal {
    const message = 'Unable to determine service/operation name to be authorized';
    const body = `<AccessDeniedException>\n  <Message>${message}</Message>\n</AccessDeniedException>\n`;
    return { status: 403, type: null, body };
  },
} as const;

/** The error names of the front door. */
export type AuthErrorType =
  | 'IncompleteSignatureException'
  | 'InvalidSignatureException'
  | 'MissingAuthenticationTokenException'
  | 'UnrecognizedClientException';

/** Why a call was throttled, of the model's `ThrottleReason` enum. */
export type ThrottleReason = 'ConcurrentInvocationLimitExceeded' | 'ReservedFunctionConcurrentInvocationLimitExceeded';
