import { describe, expect, it } from 'vitest';
import { checkPayloadType, parseArguments } from '../../../src/core/invoke/arguments.ts';
import { parseQuery } from '../../../src/core/query.ts';

const base64 = (text: string) => Buffer.from(text).toString('base64');

/** Parses a call of function `f` unless said otherwise. */
const parse = (
  headers: Readonly<Record<string, string>> = {},
  { name = 'f', query = '' }: { name?: string; query?: string } = {},
) =>
  parseArguments({
    operation: 'Invoke',
    rawFunctionName: name,
    query: parseQuery(query),
    header: (header) => headers[header],
    maxFunctionNameLength: 170,
  });

const reason = (result: ReturnType<typeof parse>) => (result.ok ? 'accepted' : result.error.reason);

describe('parseArguments', () => {
  it('fills in what is not given', () => {
    expect(parse()).toEqual({
      ok: true,
      value: {
        operation: 'Invoke',
        givenName: 'f',
        function: { name: 'f' },
        invocationType: 'RequestResponse',
        logType: 'None',
      },
    });
  });

  it('keeps every argument that is given', () => {
    const context = base64('{"custom":{}}');
    const parsed = parse(
      {
        'x-amz-invocation-type': 'Event',
        'x-amz-log-type': 'Tail',
        'x-amz-client-context': context,
        'x-amz-tenant-id': 'a tenant/1',
        'x-amz-durable-execution-name': 'run-1',
      },
      { name: 'arn%3Aaws%3Alambda%3Aeu-west-1%3A123456789012%3Afunction%3Af', query: 'Qualifier=%24LATEST' },
    );
    expect(parsed.ok && parsed.value).toEqual({
      operation: 'Invoke',
      givenName: 'arn:aws:lambda:eu-west-1:123456789012:function:f',
      function: { partition: 'aws', region: 'eu-west-1', account: '123456789012', name: 'f', qualifier: '$LATEST' },
      invocationType: 'Event',
      logType: 'Tail',
      clientContext: context,
      tenantId: 'a tenant/1',
      durableExecutionName: 'run-1',
    });
  });

  it.each([
    ['f', 'Qualifier=live', 'live'],
    ['f', 'Qualifier=', undefined],
    ['f', 'Qualifier', undefined],
    ['f', '', undefined],
    ['f:live', '', 'live'],
    ['f:live', 'Qualifier=live', 'live'],
    ['f:live', 'Qualifier=', 'live'],
    ['f', 'other=1&Qualifier=live&x', 'live'],
    ['f', '%51ualifier=live', 'live'],
    ['f', 'qualifier=live', undefined],
    ['f', 'Qualifier=$LATEST.PUBLISHED', '$LATEST.PUBLISHED'],
  ])('takes the qualifier of %s?%s for %s', (name, query, qualifier) => {
    const parsed = parse({}, { name, query });
    expect(parsed.ok && parsed.value.function.qualifier).toBe(qualifier);
  });

  it.each([
    ['function-name', { name: 'a%20b' }],
    ['function-name', { name: 'a%2Fb' }],
    ['function-name', { name: '%E0%A4%A' }],
    ['function-name', { name: '..' }],
    ['function-name', { name: '%2e%2e' }],
    ['function-name', { name: '123456789012:function:.' }],
    ['function-name', { name: 'a'.repeat(65) }],
    ['qualifier', { query: 'Qualifier=invalid!' }],
    ['qualifier', { query: `Qualifier=${'a'.repeat(129)}` }],
    ['accepted', { query: `Qualifier=${'a'.repeat(128)}` }],
    ['qualifier-mismatch', { name: 'f:$LATEST', query: 'Qualifier=1' }],
    ['parameter-repeated', { query: 'Qualifier=live&Qualifier=live' }],
    ['query-malformed', { query: 'Qualifier=%ZZ' }],
  ])('answers %s to %j', (expected, line) => {
    expect(reason(parse({}, line))).toBe(expected);
  });

  const clientContext = (length: number) => ({
    'x-amz-client-context': base64('{}').padEnd(length, '=').slice(0, length),
  });
  const objectOf = (length: number) => {
    const json = `{"a":"${'x'.repeat(Math.floor((length * 3) / 4) - 8)}"}`;
    return { 'x-amz-client-context': base64(json).replace(/=+$/, '') };
  };

  it.each([
    ['invocation-type', { 'x-amz-invocation-type': 'dry_run' }],
    ['invocation-type', { 'x-amz-invocation-type': 'event' }],
    ['invocation-type', { 'x-amz-invocation-type': '' }],
    ['header-repeated', { 'x-amz-invocation-type': 'Event, Event' }],
    ['log-type', { 'x-amz-log-type': 'tail' }],
    ['header-repeated', { 'x-amz-log-type': 'None, Tail' }],
    ['client-context-too-long', clientContext(3_584)],
    ['client-context', clientContext(3_583)],
    ['accepted', { 'x-amz-client-context': base64('{"a":1}') }],
    ['accepted', { 'x-amz-client-context': base64('{"a":1}').replace(/=+$/, '') }],
    ['accepted', { 'x-amz-client-context': base64(' {"a":"é"}') }],
    ['accepted', objectOf(3_580)],
    ['client-context', { 'x-amz-client-context': '' }],
    ['client-context', { 'x-amz-client-context': 'not base64!' }],
    ['client-context', { 'x-amz-client-context': base64('[1]') }],
    ['client-context', { 'x-amz-client-context': base64('"text"') }],
    ['client-context', { 'x-amz-client-context': base64('{"a":1') }],
    ['client-context', { 'x-amz-client-context': `${base64('{"a":1}')}=` }],
    ['client-context', { 'x-amz-client-context': Buffer.from([0x7b, 0x22, 0xff, 0x22, 0x7d]).toString('base64') }],
    ['tenant-id', { 'x-amz-tenant-id': 'a'.repeat(257) }],
    ['tenant-id', { 'x-amz-tenant-id': 'a;b' }],
    ['accepted', { 'x-amz-tenant-id': 'a'.repeat(256) }],
    ['durable-execution-name', { 'x-amz-durable-execution-name': 'a.b' }],
    ['durable-execution-name', { 'x-amz-durable-execution-name': 'a'.repeat(65) }],
  ] as [string, Record<string, string>][])('answers %s to %j', (expected, headers) => {
    expect(reason(parse(headers))).toBe(expected);
  });

  it('says all that is broken at once, in the words of the service', () => {
    const parsed = parse({ 'x-amz-log-type': 'tail' }, { name: 'a!', query: 'Qualifier=b!' });
    expect(parsed.ok ? '' : parsed.error.message).toMatch(
      /^3 validation errors detected: Value 'a!' at 'functionName' failed to satisfy constraint: .*; Value 'b!' at 'qualifier' failed to satisfy constraint: .*; Value 'tail' at 'logType' failed to satisfy constraint: Member must satisfy enum value set: \[None, Tail\]$/,
    );
    expect(reason(parsed)).toBe('function-name');
  });
});

describe('an argument in the query', () => {
  it.each([
    ['X-Amz-Invocation-Type=DryRun', { invocationType: 'DryRun' }],
    ['x-amz-log-type=Tail', { logType: 'Tail' }],
    ['X-AMZ-TENANT-ID=blue%20team', { tenantId: 'blue team' }],
    ['X-Amz-Durable-Execution-Name=run-1', { durableExecutionName: 'run-1' }],
    [`X-Amz-Client-Context=${encodeURIComponent(base64('{"a":1}'))}`, { clientContext: base64('{"a":1}') }],
    ['X-Amz-User-Agent=x', { invocationType: 'RequestResponse' }],
  ])('B12: means what the header does: %s', (query, expected) => {
    const parsed = parse({}, { query });
    expect(parsed.ok && parsed.value).toMatchObject(expected);
  });

  it.each([
    ['invocation-type', 'X-Amz-Invocation-Type=dryrun', {}],
    ['invocation-type', 'X-Amz-Invocation-Type=', {}],
    ['client-context', 'X-Amz-Client-Context=e', {}],
    ['parameter-repeated', 'X-Amz-Log-Type=Tail&X-Amz-Log-Type=Tail', {}],
    ['parameter-repeated', 'X-Amz-Log-Type=Tail&x-amz-log-type=Tail', {}],
    ['parameter-repeated', 'X-Amz-Log-Type=None,Tail', {}],
    ['argument-repeated', 'X-Amz-Log-Type=Tail', { 'x-amz-log-type': 'Tail' }],
    ['argument-repeated', 'X-Amz-Tenant-Id=b', { 'x-amz-tenant-id': '' }],
    ['parameter-unknown', 'X-Amz-Newer-Argument=1', {}],
    ['parameter-unknown', 'X-Amz-Expires=60', {}],
    ['parameter-unknown', 'X-Amz-Algorithm=a&x-amz-expires=60', {}],
    ['accepted', 'X-Amz-Algorithm=a&X-Amz-Expires=60', {}],
  ] as [string, string, Record<string, string>][])('B12: answers %s to %s', (expected, query, headers) => {
    expect(reason(parse(headers, { query }))).toBe(expected);
  });
});

describe('checkPayloadType', () => {
  const refusal = (contentType: string, bytes = 1) => checkPayloadType({ contentType }, bytes)?.reason ?? 'accepted';

  it.each([
    ['accepted', 'application/json'],
    ['accepted', 'Application/JSON; charset=UTF-8'],
    ['accepted', 'application/cloudevents+json'],
    ['accepted', ''],
    ['accepted', 'application/octet-stream'],
    ['accepted', 'binary/octet-stream'],
    ['content-type', 'application/json; charset=latin1'],
    ['content-type', 'application/json; profile=x; charset=utf-16'],
    ['accepted', 'application/json; profile=x'],
    ['accepted', 'application/json; charset="UTF-8"; profile=x'],
    ['content-type', 'application/x-www-form-urlencoded'],
    ['content-type', 'text/plain'],
    ['content-type', 'application/jsonp'],
    ['header-repeated', 'application/json, application/json'],
  ])('answers %s to %s', (expected, contentType) => {
    expect(refusal(contentType)).toBe(expected);
  });

  it('D1: judges nothing where there are no bytes', () => {
    for (const type of ['application/x-www-form-urlencoded', 'text/plain', 'text/plain, text/html']) {
      expect(refusal(type, 0)).toBe('accepted');
    }
  });
});
