import type { Listener } from '../core/listener.ts';
import type { Settings } from '../core/settings.ts';

/**
 * Returns the header that names the caller on this listener. Undefined if callers connect directly: they could forge
 * the header.
 */
export const proxyHeaderOf = ({ isDirect }: Listener, { clientIpHeader }: Settings): string | undefined =>
  isDirect ? undefined : clientIpHeader;

/** Returns the address at the other end of the connection, if workerd reports it (`request.cf.clientIp`, with the port). */
export function peerAddress({ cf }: Request): string | undefined {
  const peer = cf?.clientIp;
  return typeof peer === 'string' ? /^\[?([^[\]]+?)\]?:\d+$/.exec(peer)?.[1] : undefined;
}

/**
 * Returns the address that a request comes from. Undefined if the address is unknown. If the operator has named a
 * trusted proxy's header, only that header counts. Otherwise, if workerd reports the peer, only the peer counts,
 * because callers could forge `CF-Connecting-IP`. On Cloudflare's edge, `CF-Connecting-IP` names the caller.
 */
export function clientAddress(request: Request, proxyHeader: string | undefined): string | undefined {
  const { headers, cf } = request;
  if (proxyHeader !== undefined) return headers.get(proxyHeader) ?? undefined;
  if (typeof cf?.clientIp === 'string') return peerAddress(request);
  return headers.get('cf-connecting-ip') ?? undefined;
}
