import ipaddr from 'ipaddr.js';

/** True if an address is in one of the ranges. */
export type AddressCheck = (address: string | undefined) => boolean;

const DECIMAL = '(?:25[0-5]|2[0-4]\\d|1\\d\\d|[1-9]?\\d)';
const IPV4 = new RegExp(`^${DECIMAL}(?:\\.${DECIMAL}){3}$`);
const BITS = /^(0|[1-9]\d{0,2})$/;

/**
 * Parses an address strictly: four decimal numbers without leading zeros, or IPv6 without a zone. Other spellings
 * (octal, hexadecimal, fewer numbers) mean different addresses to different programs. Undefined if the text is not an
 * address.
 */
function parseAddress(text: string): ipaddr.IPv4 | ipaddr.IPv6 | undefined {
  if (IPV4.test(text)) return ipaddr.IPv4.parse(text);
  const dotted = /[^:]*\.[^:]*$/.exec(text)?.[0];
  if (!text.includes(':') || text.includes('%') || (dotted !== undefined && !IPV4.test(dotted))) return undefined;
  return ipaddr.IPv6.isValid(text) ? ipaddr.IPv6.parse(text) : undefined;
}

/**
 * Returns the network of an address, for counting callers: an IPv4 address itself, or the /64 of an IPv6 address,
 * because one host can use the whole /64 (RFC 4291 section 2.5.4). Any text that is not an address counts as the same
 * network, `unknown`, because a header may hold anything.
 */
export function networkOf(text: string | undefined): string {
  const address = text === undefined ? undefined : parseAddress(text);
  if (!address) return 'unknown';
  if (address instanceof ipaddr.IPv4) return address.toString();
  if (address.isIPv4MappedAddress()) return address.toIPv4Address().toString();
  return address.parts.slice(0, 4).join(':');
}

type Range = readonly [network: ipaddr.IPv4 | ipaddr.IPv6, bits: number];

function parseRange(range: string): Range | undefined {
  const [text = '', bits = '', ...rest] = range.split('/');
  const network = parseAddress(text);
  if (!network || rest.length > 0 || !BITS.test(bits)) return undefined;
  return Number(bits) <= (network.kind() === 'ipv4' ? 32 : 128) ? [network, Number(bits)] : undefined;
}

/**
 * Compiles ranges (CIDR). An unknown or unreadable address is in no range, and an unreadable range contains nothing:
 * fails closed. If `ranges` is undefined, every address matches. An IPv4 address written as IPv6 (`::ffff:...`) counts
 * as IPv4.
 */
export function compileRanges(ranges: readonly string[] | undefined): AddressCheck {
  if (ranges === undefined) return () => true;
  const compiled = ranges.flatMap((range) => {
    const parsed = parseRange(range);
    return parsed ? [parsed] : [];
  });
  return (text) => {
    const read = text === undefined ? undefined : parseAddress(text);
    if (!read) return false;
    const address = read instanceof ipaddr.IPv6 && read.isIPv4MappedAddress() ? read.toIPv4Address() : read;
    return compiled.some(([network, bits]) => address.kind() === network.kind() && address.match(network, bits));
  };
}

/** Explains what is wrong with a range, and the fix. Undefined if nothing is wrong. */
export function findRangeFault(range: string): string | undefined {
  const parsed = parseRange(range);
  if (!parsed) {
    return 'must be a range such as 203.0.113.0/24 or 2001:db8::/32: decimal numbers without leading zeros, and a length';
  }
  const [network, bits] = parsed;
  if (network instanceof ipaddr.IPv6 && network.isIPv4MappedAddress() && bits >= 96) {
    return `can never match: IPv4 addresses are matched as IPv4. Write ${network.toIPv4Address()}/${bits - 96}`;
  }
  const first =
    network.kind() === 'ipv4' ? ipaddr.IPv4.networkAddressFromCIDR(range) : ipaddr.IPv6.networkAddressFromCIDR(range);
  if (first.toString() === network.toString()) return undefined;
  return `has bits set after the first ${bits}: write ${first}/${bits}, or the address alone as ${network}/${network.kind() === 'ipv4' ? 32 : 128}`;
}
