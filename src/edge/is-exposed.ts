import type { Listener } from '../core/listener.ts';
import { peerAddress } from './client-address.ts';
import { isLoopback } from './plain-http.ts';

const LOOPBACK_ADDRESS = /^(127(\.\d{1,3}){3}|::1|::ffff:127(\.\d{1,3}){3})$/i;

/** Headers that a proxy adds to a request that it forwards (RFC 7239, RFC 9110 section 7.6.3, and common practice). */
const PROXY_HEADER = /^(forwarded|via|x-real-ip|x-forwarded-.*)$/;

/**
 * True if a secret in this request travelled, or may have travelled, in clear text. The request is refused even if the
 * secret is valid, because accepting the request would let the exposure go unnoticed. Fails closed:
 *
 * - Behind a proxy that ends TLS, `X-Forwarded-Proto` must say `https`, exactly once. The peer and `Host` prove
 *   nothing.
 * - Otherwise plain HTTP counts as private only within this machine: the peer and `Host` are both loopback, and no
 *   header shows that the peer is a proxy. A proxy on this machine that adds no header looks the same as a local
 *   caller.
 */
export function isExposed(request: Request, { behindTlsProxy, loopbackOnly }: Listener): boolean {
  // Two such headers, or a list in one header, read as `https, https` and are refused.
  if (behindTlsProxy) return request.headers.get('x-forwarded-proto') !== 'https';
  // `postern dev` speaks only plain HTTP, but Miniflare trusts X-Forwarded-Proto and writes `https` into the URL.
  if (!loopbackOnly && request.url.startsWith('https:')) return false;
  if (!isLoopback(request.url)) return true;
  const peer = peerAddress(request);
  if (!loopbackOnly && (peer === undefined || !LOOPBACK_ADDRESS.test(peer))) return true;
  for (const name of request.headers.keys()) if (PROXY_HEADER.test(name)) return true;
  return false;
}
