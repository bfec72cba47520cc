import { Readable } from 'node:stream';
import * as sdk from '@aws-sdk/client-lambda';
import { describe, expect, it } from 'vitest';
import { LAMBDA_ERRORS, type LambdaErrorName, writeErrorBody } from '../../src/core/invoke/errors.ts';
import { roomOfOperation } from '../../src/core/policy/payload-room.ts';
import { refuse, renderRefusal } from '../../src/core/refusal.ts';

/** What an unmodified AWS SDK client throws when it is answered so. */
async function thrownBySdk(status: number, headers: Record<string, string>, body: string) {
  const client = new sdk.LambdaClient({
    region: 'us-east-1',
    maxAttempts: 1,
    credentials: { accessKeyId: 'AKIDEXAMPLE', secretAccessKey: 'secret' },
    requestHandler: {
      handle: async () => ({
        response: { statusCode: status, headers, body: Readable.from([Buffer.from(body)]) },
      }),
    },
  });
  return client.send(new sdk.InvokeCommand({ FunctionName: 'f' })).then(
    () => undefined,
    (error: Error) => error,
  );
}

describe('an AWS SDK client', () => {
  it.each(Object.keys(LAMBDA_ERRORS) as LambdaErrorName[])(
    'reads our %s as the exception of that name',
    async (name) => {
      const { status } = LAMBDA_ERRORS[name];
      const headers = { 'content-type': 'application/json', 'x-amzn-errortype': name };
      const error = await thrownBySdk(status, headers, writeErrorBody(name, status, 'what is wrong'));
      expect(error).toMatchObject({ name, $metadata: { httpStatusCode: status } });
      expect(error?.message).toBe('what is wrong');
      const typed = (sdk as Record<string, unknown>)[name];
      if (typeof typed === 'function') expect(error).toBeInstanceOf(typed);
    },
  );

  it('has a separate class for each of our errors that the document names', () => {
    const untyped = (Object.keys(LAMBDA_ERRORS) as LambdaErrorName[]).filter((name) => !(name in sdk));
    expect(untyped.sort()).toEqual([
      'AccessDeniedException',
      'ExpiredTokenException',
      'IncompleteSignatureException',
      'InvalidSignatureException',
      'MissingAuthenticationTokenException',
      'UnrecognizedClientException',
    ]);
  });

  it.each([
    ['no-credentials', 'MissingAuthenticationTokenException'],
    ['key-unknown', 'UnrecognizedClientException'],
    ['key-expired', 'ExpiredTokenException'],
    ['signature-mismatch', 'InvalidSignatureException'],
    ['host-not-signed', 'InvalidSignatureException'],
  ] as const)('reads %s with a hint as it reads the same error of Lambda', async (reason, name) => {
    const refusal = refuse(reason);
    const { status, headers, body } = renderRefusal(refusal);
    expect(JSON.parse(body)).toHaveProperty('hint');
    const error = await thrownBySdk(status, { ...headers }, body);
    expect(error).toMatchObject({ name, message: refusal.message, $metadata: { httpStatusCode: 403 } });
  });

  it('finds our reason beside the exception', async () => {
    const { status, headers, body } = renderRefusal(
      refuse('payload-too-large', roomOfOperation('Invoke', 'RequestResponse'), 6_291_457),
    );
    const error = await thrownBySdk(status, { ...headers }, body);
    expect(error).toBeInstanceOf(sdk.RequestTooLargeException);
    const response = (error as unknown as { $response: { headers: Record<string, string> } }).$response;
    expect(response.headers['x-postern-refusal']).toBe('payload-too-large');
  });
});
