import ipaddr from 'ipaddr.js';

/** Says whether an address is in one of some ranges. */
export type AddressCheck = (address: string | undefined) => boolean;

/**
 * Makes ranges (CIDR) ready to check. An address that is not known or cannot be read is in none, and neither is anything
 * in a range that cannot be read: fails closed. An IPv4 address that came as IPv6 (`::ffff:...`) counts as IPv4.
 */
export function compileRanges(ranges: readonly string[] | undefined): AddressCheck {
  if (ranges === undefined) return () => true;
  const compiled = ranges.flatMap((range) => (ipaddr.isValidCIDR(range) ? [ipaddr.parseCIDR(range)] : []));
  return (text) => {
    if (text === undefined || !ipaddr.isValid(text)) return false;
    const address = ipaddr.process(text);
    return compiled.some(([network, bits]) => address.kind() === network.kind() && address.match(network, bits));
  };
}

/** Says what is wrong with a range, and how to mend it; undefined for one that is right. */
export function findRangeFault(range: string): string | undefined {
  if (!ipaddr.isValidCIDR(range) || !range.includes('/'))
    return 'must be a range such as 203.0.113.0/24 or 2001:db8::/32';
  const [network, bits] = ipaddr.parseCIDR(range);
  const first =
    network.kind() === 'ipv4' ? ipaddr.IPv4.networkAddressFromCIDR(range) : ipaddr.IPv6.networkAddressFromCIDR(range);
  if (first.toString() === network.toString()) return undefined;
  return `has bits set behind the first ${bits}: write ${first}/${bits}, or the address alone as ${network}/${network.kind() === 'ipv4' ? 32 : 128}`;
}
