import { describe, expect, it } from 'vitest';
import type { Listener } from '../../src/core/listener.ts';
import { isExposed } from '../../src/edge/is-exposed.ts';

const STRICT: Listener = { behindTlsProxy: false, isDirect: false, loopbackOnly: false };

const exposed = (url: string, peer: string | undefined, listener: Partial<Listener> = {}) => {
  const request = new Request(url);
  Object.defineProperty(request, 'cf', { value: peer === undefined ? undefined : { clientIp: peer } });
  return isExposed(request, { ...STRICT, ...listener });
};

describe('isExposed', () => {
  it.each([
    ['127.0.0.1:5000', false],
    ['127.9.9.9:5000', false],
    ['[::1]:5000', false],
    ['[::ffff:127.0.0.1]:5000', false],
    ['10.0.0.7:5000', true],
    ['[::ffff:10.0.0.7]:5000', true],
    ['127.0.0.1.example:5000', true],
    ['unix:/run/x.sock', true],
  ])('judges plain HTTP by the peer %s', (peer, expected) => {
    expect(exposed('http://127.0.0.1:8787/', peer)).toBe(expected);
  });

  it('fails closed where the peer is not known, unless the listener is on loopback alone', () => {
    expect(exposed('http://127.0.0.1/', undefined)).toBe(true);
    expect(exposed('http://127.0.0.1/', undefined, { loopbackOnly: true })).toBe(false);
    expect(exposed('http://gateway.example/', undefined, { loopbackOnly: true })).toBe(true);
    expect(exposed('https://gateway.example/', undefined, { loopbackOnly: true })).toBe(true);
  });

  it('takes TLS from any peer, and behind a proxy nothing but its word', () => {
    expect(exposed('https://gateway.example/', '203.0.113.7:1')).toBe(false);
    expect(exposed('https://gateway.example/', '127.0.0.1:1', { behindTlsProxy: true })).toBe(true);
  });
});
