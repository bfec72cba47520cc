import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Emulator, startEmulator } from '../../src/emulator/start.ts';
import { call, credentials, exchange, invocations, type Reply, type Sent } from './wire.ts';

let emulator: Emulator;
beforeAll(async () => {
  emulator = await startEmulator({ port: 0, credentials });
});
afterAll(() => emulator.close());

const functionNamePattern = String.raw`(arn:(aws[a-zA-Z-]*)?:lambda:)?((eusc-)?[a-z]{2}((-gov)|(-iso([a-z]?)))?-[a-z]+-\d{1}:)?(\d{12}:)?(function:)?([a-zA-Z0-9-_\.]+)(:(\$LATEST(\.PUBLISHED)?|[a-zA-Z0-9-_]+))?`;
const qualifierPattern = String.raw`\$(LATEST(\.PUBLISHED)?)|[a-zA-Z0-9-_$]+`;

/** One fault of an argument, as the service words it. */
const fault = (value: string, member: string, constraint: string) =>
  `Value '${value}' at '${member}' failed to satisfy constraint: ${constraint}`;
const pattern = (value: string, member: string, text: string) =>
  fault(value, member, `Member must satisfy regular expression pattern: ${text}`);

function expectRefusal(reply: Reply, status: number, type: string, body: string): void {
  expect(reply.status).toBe(status);
  expect(reply.header('x-amzn-ErrorType')).toBe(type);
  expect(reply.header('Content-Type')).toBe('application/json');
  expect(reply.text).toBe(body);
}

describe('an argument that breaks a rule', () => {
  const names = [
    'my-function!',
    '*',
    'invalid-account:function:f',
    'arn:aws:lambda:bad:123456789012:function:f',
    'arn:aws:lambda::123456789012:function:f',
    'arn:aws:lambda:us-east-1::function:f',
    'arn:aws:ec2:us-east-1:123456789012:function:f',
    'f:1:2',
    'f:$LATES',
    'function:f:$LATEST:extra',
    'f@',
    'é',
    'two words',
  ];
  it.each(names)('is refused: the function name %s', async (name) => {
    const message = `1 validation error detected: ${pattern(name, 'functionName', functionNamePattern)}`;
    const reply = await call(emulator.port, { path: invocations(name) });
    expectRefusal(reply, 400, 'ValidationException', JSON.stringify({ message }));
  });

  const long = 'a'.repeat(257);
  const faults: [what: string, sent: Sent, faults: string[]][] = [
    [
      'a name of 257 characters',
      { path: invocations(long) },
      [fault(long, 'functionName', 'Member must have length less than or equal to 256')],
    ],
    [
      'a qualifier with a strange character',
      { path: `${invocations('hello')}?Qualifier=invalid%21` },
      [pattern('invalid!', 'qualifier', qualifierPattern)],
    ],
    [
      'a qualifier of 129 characters',
      { path: `${invocations('hello')}?Qualifier=${'a'.repeat(129)}` },
      [fault('a'.repeat(129), 'qualifier', 'Member must have length less than or equal to 128')],
    ],
    [
      'a name and a qualifier',
      { path: `${invocations('a!')}?Qualifier=b%21` },
      [pattern('a!', 'functionName', functionNamePattern), pattern('b!', 'qualifier', qualifierPattern)],
    ],
    [
      'an invocation type in other letters',
      { path: invocations('hello'), headers: { 'x-amz-invocation-type': 'dry_run' } },
      [fault('dry_run', 'invocationType', 'Member must satisfy enum value set: [DryRun, RequestResponse, Event]')],
    ],
    [
      'an unknown log type',
      { path: invocations('hello'), headers: { 'x-amz-log-type': 'tail' } },
      [fault('tail', 'logType', 'Member must satisfy enum value set: [None, Tail]')],
    ],
    [
      'a tenant id with a strange character',
      { path: invocations('hello'), headers: { 'x-amz-tenant-id': 'a#b' } },
      [pattern('a#b', 'tenantId', String.raw`[a-zA-Z0-9\._:\/=+\-@ ]+`)],
    ],
    [
      'a durable execution name of 65 characters',
      { path: invocations('hello'), headers: { 'x-amz-durable-execution-name': 'a'.repeat(65) } },
      [fault('a'.repeat(65), 'durableExecutionName', 'Member must have length less than or equal to 64')],
    ],
  ];
  it.each(faults)('is refused: %s', async (_, sent, expected) => {
    const noun = expected.length === 1 ? 'validation error' : 'validation errors';
    const message = `${expected.length} ${noun} detected: ${expected.join('; ')}`;
    const reply = await call(emulator.port, sent);
    expectRefusal(reply, 400, 'ValidationException', JSON.stringify({ message }));
  });

  it.each(['hello', 'no-such-function'])('is refused: a qualifier that contradicts the name %s', async (name) => {
    const reply = await call(emulator.port, { path: `${invocations(`${name}:$LATEST`)}?Qualifier=1` });
    const message = 'The derived qualifier from the function name does not match the specified qualifier.';
    expectRefusal(reply, 400, 'InvalidParameterValueException', JSON.stringify({ Type: 'User', message }));
  });

  const base64 = (text: string) => Buffer.from(text).toString('base64');
  it.each([
    ['what is not base64', 'no base64!'],
    ['what is not JSON', base64('{')],
    ['a JSON text that is no object', base64('[1]')],
  ])('is refused: a client context of %s', async (_, context) => {
    const reply = await call(emulator.port, {
      path: invocations('hello'),
      headers: { 'x-amz-client-context': context },
    });
    const message = 'Client context must be a valid Base64-encoded JSON object.';
    expectRefusal(reply, 400, 'InvalidRequestContentException', JSON.stringify({ Type: 'User', message }));
  });

  it('is refused: a client context of more than 3583 bytes', async () => {
    const headers = { 'x-amz-client-context': base64(JSON.stringify('x'.repeat(3000))) };
    const reply = await call(emulator.port, { path: invocations('hello'), headers });
    expect([reply.status, reply.header('x-amzn-ErrorType')]).toEqual([400, 'InvalidRequestContentException']);
  });
});

describe('a payload that cannot be taken', () => {
  it.each([
    ['not JSON', 'Hello'],
    ['not UTF-8', new Uint8Array([0x22, 0xff, 0x22])],
    ['JSON with something behind it', '{} 1'],
  ])('is refused when it is %s', async (_, body) => {
    for (const type of ['RequestResponse', 'Event']) {
      const headers = { 'x-amz-invocation-type': type };
      const reply = await call(emulator.port, { path: invocations('hello'), headers, body });
      expect([reply.status, reply.header('x-amzn-ErrorType')]).toEqual([400, 'InvalidRequestContentException']);
      const { Type, message } = JSON.parse(reply.text);
      expect(Type).toBe('User');
      expect(message).toMatch(/^Could not parse request body into json: Could not parse payload into json: \S/);
    }
  });

  const string = (bytes: number) => `"${'x'.repeat(bytes - 2)}"`;
  it.each([
    [6_291_457, 'RequestResponse', 'Request must be smaller than 6291456 bytes for the InvokeFunction operation'],
    [20_000_000, 'RequestResponse', 'Request must be smaller than 6291456 bytes for the InvokeFunction operation'],
    [1_048_577, 'Event', '1048577 byte payload is too large for the Event invocation type (limit 1048576 bytes)'],
    [6_291_457, 'Event', '6291457 byte payload is too large for the Event invocation type (limit 1048576 bytes)'],
  ])('is refused when its %i bytes are too many for %s', async (bytes, type, message) => {
    const headers = { 'x-amz-invocation-type': type };
    const reply = await call(emulator.port, { path: invocations('hello'), headers, body: string(bytes) });
    expectRefusal(reply, 413, 'RequestEntityTooLargeException', JSON.stringify({ Type: 'User', message }));
  });

  it.each([
    [6_291_456, 'RequestResponse', 200],
    [1_048_576, 'Event', 202],
  ])('is taken with %i bytes for %s', async (bytes, type, status) => {
    const headers = { 'x-amz-invocation-type': type };
    const reply = await call(emulator.port, { path: invocations('hello'), headers, body: string(bytes) });
    expect(reply.status).toBe(status);
  });
});

describe('a function that is not there', () => {
  const arn = 'arn:aws:lambda:us-east-1:123456789012:function';
  it.each([
    ['no-such-function', '', `${arn}:no-such-function:$LATEST`],
    ['a'.repeat(65), '', `${arn}:${'a'.repeat(65)}:$LATEST`],
    [arn, '', `${arn}:function:$LATEST`],
    ['hello:3', '', `${arn}:hello:3`],
    ['hello', '?Qualifier=prod', `${arn}:hello:prod`],
    ['hello', '?Qualifier=%24latest', `${arn}:hello:$latest`],
    ['..', '', `${arn}:..:$LATEST`],
  ])('is not found: %s%s', async (name, query, missing) => {
    const reply = await call(emulator.port, { path: `${invocations(name).replace('..', '%2E%2E')}${query}` });
    const body = JSON.stringify({ Message: `Function not found: ${missing}`, Type: 'User' });
    expectRefusal(reply, 404, 'ResourceNotFoundException', body);
  });

  it.each(['arn:aws:lambda:eu-west-1:123456789012:function:hello', 'eu-west-1:123456789012:function:hello'])(
    'is not reachable from another region: %s',
    async (name) => {
      const reply = await call(emulator.port, { path: invocations(name) });
      const Message = "Functions from 'eu-west-1' are not reachable in this region ('us-east-1')";
      expectRefusal(reply, 404, 'ResourceNotFoundException', JSON.stringify({ Message, Type: 'User' }));
    },
  );

  it.each(['hello', 'no-such-function'])('is denied in another account, there or not: %s', async (name) => {
    const reply = await call(emulator.port, { path: invocations(`999999999999:function:${name}:live`) });
    const Message =
      'User: arn:aws:iam::123456789012:user/postern is not authorized to perform: lambda:InvokeFunction on resource: ' +
      `arn:aws:lambda:us-east-1:999999999999:function:${name}:live because no resource-based policy allows the ` +
      'lambda:InvokeFunction action';
    expectRefusal(reply, 403, 'AccessDeniedException', JSON.stringify({ Message }));
  });
});

describe('a throttle', () => {
  const throttled = (Reason: string) => JSON.stringify({ Reason, Type: 'User', message: 'Rate Exceeded.' });

  it('answers a function without concurrency, and says nothing of when to retry', async () => {
    const reply = await call(emulator.port, { path: invocations('throttled') });
    const body = throttled('ReservedFunctionConcurrentInvocationLimitExceeded');
    expectRefusal(reply, 429, 'TooManyRequestsException', body);
    expect(reply.header('Retry-After')).toBeUndefined();
  });

  it('accepts an event to a throttled function', async () => {
    const headers = { 'x-amz-invocation-type': 'Event' };
    expect((await call(emulator.port, { path: invocations('throttled'), headers })).status).toBe(202);
  });
});

describe('a path that names no operation', () => {
  it.each([
    ['POST', '/2015-03-31/functions/hello/invokations'],
    ['POST', '//2015-03-31/functions/hello/invocations'],
    ['POST', '/2015-03-31/functions//invocations'],
    ['POST', '/2015-03-31/functions/a/b/invocations'],
    ['GET', '/2015-03-31/functions/hello/invocations'],
    ['PUT', '/_calls'],
    ['GET', '/'],
  ])('is refused in XML: %s %s', async (method, path) => {
    const reply = await exchange(emulator.port, { method, path });
    expect(reply.status).toBe(403);
    expect(reply.header('x-amzn-ErrorType')).toBeUndefined();
    expect(reply.header('Content-Type')).toBeUndefined();
    expect(reply.text).toBe(
      '<AccessDeniedException>\n  <Message>Unable to determine service/operation name to be authorized</Message>\n</AccessDeniedException>\n',
    );
  });
});
