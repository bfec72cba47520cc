import type { Listener } from '../core/listener.ts';
import type { Settings } from '../core/settings.ts';

/** The header that names the caller on this listener. None if callers connect directly: any of them could forge it. */
export const proxyHeaderOf = ({ isDirect }: Listener, { clientIpHeader }: Settings): string | undefined =>
  isDirect ? undefined : clientIpHeader;

/** The address at the other end of the connection, if workerd reports it (`request.cf.clientIp`, with the port). */
export function peerAddress({ cf }: Request): string | undefined {
  const peer = cf?.clientIp;
  return typeof peer === 'string' ? /^\[?([^[\]]+?)\]?:\d+$/.exec(peer)?.[1] : undefined;
}

/**
 * The address that a request comes from. Undefined if it is unknown. If the operator named a trusted proxy's header, only
 * that header counts. Otherwise, if workerd reports the peer, only the peer counts: callers could forge `CF-Connecting-IP`.
 * On Cloudflare's edge, that header names the caller.
 */
export function clientAddress(request: Request, proxyHeader: string | undefined): string | undefined {
  const { headers, cf } = request;
  if (proxyHeader !== undefined) return headers.get(proxyHeader) ?? undefined;
  if (typeof cf?.clientIp === 'string') return peerAddress(request);
  return headers.get('cf-connecting-ip') ?? undefined;
}
