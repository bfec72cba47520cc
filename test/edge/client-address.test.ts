import { describe, expect, it } from 'vitest';
import { networkOf } from '../../src/edge/address-ranges.ts';
import { clientAddress } from '../../src/edge/client-address.ts';

const request = (headers: Record<string, string>, cf?: object) =>
  ({ headers: new Headers(headers), cf }) as unknown as Request;
const CF = { 'cf-connecting-ip': '203.0.113.7' };

describe('networkOf', () => {
  it('A1: takes the addresses of one /64 as one, however they are written, and what is no address as one too', () => {
    const networks = (...addresses: (string | undefined)[]) => new Set(addresses.map(networkOf)).size;
    expect(networks('2001:db8:0:1::1', '2001:DB8:0:1:ffff:ffff:ffff:ffff', '2001:0db8::1:0:0:0:9')).toBe(1);
    expect(networks('192.0.2.1', '::ffff:192.0.2.1', '::ffff:c000:201')).toBe(1);
    expect(networks(undefined, '', 'forged-1', '192.0.2.1, 192.0.2.2', '192.0.2.1:80', '2001:db8::1%eth0')).toBe(1);
    expect(networks(undefined, '2001:db8:0:1::1', '2001:db8:0:2::1', '192.0.2.1', '192.0.2.2')).toBe(5);
  });
});

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
