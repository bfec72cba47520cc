import { describe, expect, it } from 'vitest';
import { parseRoute } from '../../../src/core/invoke/route.ts';

const parse = (rawPath: string, method = 'POST') => parseRoute(method, rawPath);
const reasonOf = (rawPath: string, method?: string) => {
  const route = parse(rawPath, method);
  return route.ok ? undefined : route.error.reason;
};

describe('parseRoute', () => {
  it.each([
    ['/2015-03-31/functions/orders/invocations', 'Invoke'],
    ['/2021-11-15/functions/orders/response-streaming-invocations', 'InvokeWithResponseStream'],
    ['/2014-11-13/functions/orders/invoke-async', 'InvokeAsync'],
    ['/2014-11-13/functions/orders/invoke-async/', 'InvokeAsync'],
  ] as const)('takes %s for %s', (rawPath, operation) => {
    expect(parse(rawPath)).toEqual({ ok: true, value: { operation, rawFunctionName: 'orders' } });
  });

  it.each([
    'arn%3Aaws%3Alambda%3Aeu-west-1%3A123456789012%3Afunction%3Aorders%3Alive',
    'orders:live',
    'a%2Fb',
    '%zz',
    '..',
    '$LATEST',
  ])('leaves the function name as it came: %s', (name) => {
    expect(parse(`/2015-03-31/functions/${name}/invocations`)).toMatchObject({ value: { rawFunctionName: name } });
  });

  it.each([
    '/',
    '',
    '//',
    '/2015-03-31/functions',
    '/2015-03-31/functions/',
    '/2015-03-31/functions//invocations',
    '/2015-03-31/functions/orders',
    '/2015-03-31/functions/orders/',
    '/2015-03-31/functions/orders/invocations/',
    '/2015-03-31/functions/orders/invocations/more',
    '/2015-03-31/functions/a/b/invocations',
    '/2015-03-31/functions/orders/Invocations',
    '/2015-03-31/FUNCTIONS/orders/invocations',
    '//2015-03-31/functions/orders/invocations',
    '/x/2015-03-31/functions/orders/invocations',
    '/2015-03-31/functions/orders/invocations\n',
    '/2015-03-31%2Ffunctions/orders/invocations',
    '/2015-03-30/functions/orders/invocations',
    '/2015-03-31/functions/orders/response-streaming-invocations',
    '/2021-11-15/functions/orders/invocations',
    '/2021-11-15/functions/orders/response-streaming-invocations/',
    '/2014-11-13/functions/orders/invoke-async//',
    '/2015-03-31/functions/orders/configuration',
    '/2015-03-31/event-source-mappings/',
  ])('knows nothing at %j', (rawPath) => {
    expect(reasonOf(rawPath)).toBe('unknown-path');
    expect(reasonOf(rawPath, 'GET')).toBe('unknown-path');
  });

  it.each(['GET', 'HEAD', 'PUT', 'PATCH', 'DELETE', 'OPTIONS', 'post', ''])('accepts POST alone, not %j', (method) => {
    expect(reasonOf('/2015-03-31/functions/orders/invocations', method)).toBe('method-not-allowed');
    expect(reasonOf('/2014-11-13/functions/orders/invoke-async/', method)).toBe('method-not-allowed');
  });
});
