/** A refusal. `type` is the value of the header `x-amzn-ErrorType`. Null if the service does not send this header. */
export interface Refusal {
  readonly status: number;
  readonly type: string | null;
  readonly body: string;
}

/**
 * Builds each kind of refusal, with the body recorded from the service.
 * No body has a `__type`. The members of an error from the API model are sorted by their bytes.
 */
export const refuse = {
  /** The front door refuses the caller's identity: `{"message"}`, status 403. */
  identity(type: AuthErrorType, message: string): Refusal {
    return { status: 403, type, body: JSON.stringify({ message }) };
  },

  /** The front door refuses a signature. */
  signature(message: string): Refusal {
    return refuse.identity('InvalidSignatureException', message);
  },

  /** Authorization refuses the call: `{"Message"}`, status 403. */
  access(message: string): Refusal {
    return { status: 403, type: 'AccessDeniedException', body: JSON.stringify({ Message: message }) };
  },

  /** The framework refuses arguments, with all their faults in one message: `{"message"}`, status 400. */
  arguments(faults: readonly string[]): Refusal {
    const noun = faults.length === 1 ? 'validation error' : 'validation errors';
    const message = `${faults.length} ${noun} detected: ${faults.join('; ')}`;
    return { status: 400, type: 'ValidationException', body: JSON.stringify({ message }) };
  },

  /** A caller's error from the API model: `{"Type":"User","message"}`. */
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

  /** A throttled call. The service sends no Retry-After. */
  throttle(reason: ThrottleReason): Refusal {
    const body = JSON.stringify({ Reason: reason, Type: 'User', message: 'Rate Exceeded.' });
    return { status: 429, type: 'TooManyRequestsException', body };
  },

  /** Refuses a path or method that matches no operation. The body is XML, and there is no type header. */
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

/** Why a call was throttled: values of the API model's `ThrottleReason` enum. */
export type ThrottleReason = 'ConcurrentInvocationLimitExceeded' | 'ReservedFunctionConcurrentInvocationLimitExceeded';
