import { describe, expect, it } from 'vitest';
import type { Permit } from '../../src/core/policy/authorize.ts';
import { compileRanges, findRangeFault } from '../../src/gateway/address-ranges.ts';
import { answerPreflight } from '../../src/gateway/cors.ts';
import { hideAccount } from '../../src/gateway/hide-account.ts';

describe('compileRanges', () => {
  const isAllowed = compileRanges(['203.0.113.0/24', '2001:db8::/32', '198.51.100.7/32']);

  it.each(['203.0.113.0', '203.0.113.255', '198.51.100.7', '2001:db8:1::5', '::ffff:203.0.113.9'])(
    'takes %s',
    (address) => {
      expect(isAllowed(address)).toBe(true);
    },
  );

  it.each(['203.0.114.1', '198.51.100.8', '2001:db9::1', '::1', '', 'unknown', '203.0.113.9, 10.0.0.1', undefined])(
    'does not take %s',
    (address) => {
      expect(isAllowed(address)).toBe(false);
    },
  );

  it('takes all where nothing is said, and none where nothing can be read', () => {
    expect(compileRanges(undefined)(undefined)).toBe(true);
    expect(compileRanges(['nonsense'])('203.0.113.1')).toBe(false);
  });
});

describe('findRangeFault', () => {
  it.each([
    ['203.0.113.0/24', undefined],
    ['2001:db8::/32', undefined],
    ['0.0.0.0/0', undefined],
    ['203.0.113.7/24', 'write 203.0.113.0/24, or the address alone as 203.0.113.7/32'],
    ['2001:db8::1/32', 'write 2001:db8::/32'],
    ['203.0.113.7', 'must be a range'],
    ['203.0.113.0/33', 'must be a range'],
    ['example.com/24', 'must be a range'],
  ])('says of %s: %s', (range, fault) => {
    if (fault === undefined) expect(findRangeFault(range)).toBeUndefined();
    else expect(findRangeFault(range)).toContain(fault);
  });
});

describe('answerPreflight', () => {
  const preflight = (method: string, headers: Record<string, string>) =>
    answerPreflight(new Request('https://gateway.example/2015-03-31/functions/f/invocations', { method, headers }));

  it('lets any page go on to ask, with the headers that it names, and never with credentials', () => {
    const answer = preflight('OPTIONS', {
      origin: 'https://app.example',
      'access-control-request-method': 'POST',
      'access-control-request-headers': 'content-type,x-api-key',
    });
    expect(answer?.status).toBe(204);
    expect(Object.fromEntries(answer?.headers ?? [])).toMatchObject({
      'access-control-allow-origin': 'https://app.example',
      'access-control-allow-methods': 'POST',
      'access-control-allow-headers': 'content-type,x-api-key',
    });
    expect(answer?.headers.has('access-control-allow-credentials')).toBe(false);
  });

  it('takes nothing else for one', () => {
    const asked = { origin: 'https://app.example', 'access-control-request-method': 'POST' };
    expect(preflight('POST', asked)).toBeUndefined();
    expect(preflight('OPTIONS', { origin: 'https://app.example' })).toBeUndefined();
    expect(preflight('OPTIONS', { 'access-control-request-method': 'POST' })).toBeUndefined();
    expect(preflight('OPTIONS', { ...asked, 'access-control-request-method': 'DELETE' })).toBeUndefined();
  });
});

describe('hideAccount', () => {
  const permit = {
    target: { partition: 'aws', region: 'eu-west-1', account: '123456789012', name: 'orders-prod' },
    givenName: 'orders',
  } as Permit;
  const arn = 'arn:aws:lambda:eu-west-1:123456789012:function:orders-prod:live';

  it('takes the place out of an error, its headers and its log', async () => {
    const upstream = new Response(
      `{"Type":"User","Message":"Function not found: ${arn}, key arn:aws:kms:eu-west-1:123456789012:key/1"}`,
      {
        status: 404,
        headers: {
          'x-amzn-errortype': 'ResourceNotFoundException',
          'x-amz-durable-execution-arn': `${arn}/durable-execution/x`,
          'x-amz-log-result': btoa(`START ${arn}\nREPORT 123456789012`),
          'content-length': '999',
        },
      },
    );
    const hidden = await hideAccount(upstream, permit);
    const text = await hidden.text();
    expect(hidden.status).toBe(404);
    expect(text).toBe(
      '{"Type":"User","Message":"Function not found: orders, key arn:aws:kms:eu-west-1:************:key/1"}',
    );
    expect(atob(hidden.headers.get('x-amz-log-result') ?? '')).toBe('START orders\nREPORT ************');
    expect(JSON.stringify([...hidden.headers])).not.toContain('123456789012');
    expect(hidden.headers.get('x-amzn-errortype')).toBe('ResourceNotFoundException');
  });

  it('leaves what the function itself answers as it is', async () => {
    const body = `{"arn":"${arn}"}`;
    const hidden = await hideAccount(new Response(body, { headers: { 'x-amz-executed-version': '2' } }), permit);
    expect([await hidden.text(), hidden.headers.get('x-amz-executed-version')]).toEqual([body, '2']);
  });

  it('does not read an endless error into memory', async () => {
    const hidden = await hideAccount(new Response('123456789012'.repeat(20_000), { status: 500 }), permit);
    expect(await hidden.text()).toBe('{}');
  });
});
