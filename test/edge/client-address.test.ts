import { describe, expect, it } from 'vitest';
import { clientAddress } from '../../src/edge/client-address.ts';

const request = (headers: Record<string, string>, cf?: object) =>
  ({ headers: new Headers(headers), cf }) as unknown as Request;
const CF = { 'cf-connecting-ip': '203.0.113.7' };

describe('clientAddress', () => {
  it("takes the word of Cloudflare's edge", () => {
    expect(clientAddress(request(CF, { colo: 'AMS' }), undefined)).toBe('203.0.113.7');
    expect(clientAddress(request({}, { colo: 'AMS' }), undefined)).toBeUndefined();
  });

  it.each([
    ['192.0.2.1:50000', '192.0.2.1'],
    ['[2001:db8::1]:50000', '2001:db8::1'],
    ['[::ffff:192.0.2.1]:50000', '::ffff:192.0.2.1'],
    ['unix:/run/postern.sock', undefined],
    ['', undefined],
  ])('takes %j of workerd as %j, and no header beside it', (clientIp, address) => {
    expect(clientAddress(request(CF, { clientIp }), undefined)).toBe(address);
  });

  it('takes the header of a proxy, where one is named, and nothing else', () => {
    const cf = { clientIp: '127.0.0.1:50000' };
    expect(clientAddress(request({ ...CF, 'x-real-ip': '192.0.2.9' }, cf), 'x-real-ip')).toBe('192.0.2.9');
    expect(clientAddress(request(CF, cf), 'x-real-ip')).toBeUndefined();
  });
});
