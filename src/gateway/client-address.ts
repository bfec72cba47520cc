/**
 * The address that a request comes from; undefined where it is not known. A trusted proxy's header is the only word on it
 * where the operator named one. workerd by itself says who is at the other end of the connection (`request.cf.clientIp`,
 * with the port), and then `CF-Connecting-IP` is anybody's; Cloudflare's edge says it in that header.
 */
export function clientAddress({ headers, cf }: Request, proxyHeader: string | undefined): string | undefined {
  if (proxyHeader !== undefined) return headers.get(proxyHeader) ?? undefined;
  const peer = cf?.clientIp;
  if (typeof peer === 'string') return /^\[?([^[\]]+?)\]?:\d+$/.exec(peer)?.[1];
  return headers.get('cf-connecting-ip') ?? undefined;
}
