import { describe, expect, it } from 'vitest';
import { LAMBDA_ERRORS, type LambdaErrorName, writeErrorBody } from '../../../src/core/invoke/errors.ts';

/** Every error in API_Invoke under "Errors", with its "HTTP Status Code". */
const DOCUMENTED = {
  EC2AccessDeniedException: 502,
  EC2ThrottledException: 502,
  EC2UnexpectedException: 502,
  EFSIOException: 410,
  EFSMountConnectivityException: 408,
  EFSMountFailureException: 403,
  EFSMountTimeoutException: 408,
  ENILimitReachedException: 502,
  InvalidParameterValueException: 400,
  InvalidRequestContentException: 400,
  InvalidRuntimeException: 502,
  InvalidSecurityGroupIDException: 502,
  InvalidSubnetIDException: 502,
  InvalidZipFileException: 502,
  KMSAccessDeniedException: 502,
  KMSDisabledException: 502,
  KMSInvalidStateException: 502,
  KMSNotFoundException: 502,
  RequestTooLargeException: 413,
  ResourceConflictException: 409,
  ResourceNotFoundException: 404,
  ResourceNotReadyException: 502,
  ServiceException: 500,
  SubnetIPAddressLimitReachedException: 502,
  TooManyRequestsException: 429,
  UnsupportedMediaTypeException: 415,
} as const;

describe('LAMBDA_ERRORS', () => {
  it.each(Object.entries(DOCUMENTED))('has a row for %s with status %i', (name, status) => {
    expect(LAMBDA_ERRORS[name as LambdaErrorName]?.status).toBe(status);
  });
});

describe('writeErrorBody', () => {
  it.each([
    ['MissingAuthenticationTokenException', 403, '{"message":"m"}'],
    ['AccessDeniedException', 403, '{"Message":"m"}'],
    ['InvalidParameterValueException', 400, '{"Type":"User","message":"m"}'],
    ['ResourceNotFoundException', 404, '{"Message":"m","Type":"User"}'],
    ['ServiceException', 502, '{"Message":"m","Type":"Service"}'],
  ] as const)('writes %s in its recorded shape', (name, status, body) => {
    expect(writeErrorBody(name, status, 'm')).toBe(body);
  });

  it.each([
    ['MissingAuthenticationTokenException', 403, '{"message":"m","hint":"h"}'],
    ['AccessDeniedException', 403, '{"Message":"m","hint":"h"}'],
    ['RequestTooLargeException', 413, '{"Type":"User","message":"m","hint":"h"}'],
    ['ServiceException', 502, '{"Message":"m","Type":"Service","hint":"h"}'],
  ] as const)('writes the hint of %s behind the members of the service', (name, status, body) => {
    expect(writeErrorBody(name, status, 'm', { hint: 'h' })).toBe(body);
  });

  it('writes a throttle with its reason first, as recorded', () => {
    const detail = { reason: 'ReservedFunctionConcurrentInvocationLimitExceeded' };
    expect(writeErrorBody('TooManyRequestsException', 429, 'Rate Exceeded.', detail)).toBe(
      '{"Reason":"ReservedFunctionConcurrentInvocationLimitExceeded","Type":"User","message":"Rate Exceeded."}',
    );
  });
});
