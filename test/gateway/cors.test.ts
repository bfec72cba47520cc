import { describe, expect, it } from 'vitest';
import { answerPreflight } from '../../src/gateway/cors.ts';

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
