import ipaddr from 'ipaddr.js';
import type { LogAddress } from '../core/settings.ts';
import { clientAddress } from './client-address.ts';

/** Number of leading bits that `POSTERN_LOG_ADDRESS=prefix` keeps, to identify a network but not a person. */
const PREFIX_BITS = { ipv4: 24, ipv6: 48 } as const;
/** The shape of an address. A proxy's header may hold anything, but the log accepts only this shape. */
const ADDRESS = /^[0-9a-fA-F:.]{2,45}$/;

/**
 * Returns the address that a request comes from, as the log may show it. Undefined if the address is unknown or must
 * not be logged.
 */
export function logAddress(
  request: Request,
  kind: LogAddress,
  /** The header in which a trusted proxy names the caller. */
  proxyHeader: string | undefined,
): string | undefined {
  if (kind === 'off') return undefined;
  const address = clientAddress(request, proxyHeader);
  if (address === undefined || !ADDRESS.test(address)) return undefined;
  return kind === 'full' ? address : prefixOf(address);
}

function prefixOf(address: string): string | undefined {
  if (!ipaddr.isValid(address)) return undefined;
  const parsed = ipaddr.process(address);
  const bits = PREFIX_BITS[parsed.kind()];
  const range = `${parsed.toString()}/${bits}`;
  const network =
    parsed.kind() === 'ipv4' ? ipaddr.IPv4.networkAddressFromCIDR(range) : ipaddr.IPv6.networkAddressFromCIDR(range);
  return `${network.toString()}/${bits}`;
}
