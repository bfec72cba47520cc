import type { Listener } from '../core/listener.ts';
import type { Settings } from '../core/settings.ts';

/** The header that names the caller on this listener. None where callers connect directly: any of them could write it. */
export const proxyHeaderOf = ({ isDirect }: Listener, { clientIpHeader }: Settings): string | undefined =>
  isDirect ? undefined : clientIpHeader;

/** Who is at the other end of the connection, where workerd says so (`request.cf.clientIp`, with the port). */
export function peerAddress({ cf }: Request): string | undefined {
  const peer = cf?.clientIp;
  return typeof peer === 'string' ? /^\[?([^[\]]+?)\]?:\d+$/.exec(peer)?.[1] : undefined;
}

/**
 * The address that a request comes from; undefined where it is not known. A trusted proxy's header is the only word on it
 * where the operator named one. Where workerd by itself names the peer, `CF-Connecting-IP` is anybody's; Cloudflare's edge
 * names the caller in that header.
 */
export function clientAddress(request: Request, proxyHeader: string | undefined): string | undefined {
  const { headers, cf } = request;
  if (proxyHeader !== undefined) return headers.get(proxyHeader) ?? undefined;
  if (typeof cf?.clientIp === 'string') return peerAddress(request);
  return headers.get('cf-connecting-ip') ?? undefined;
}
