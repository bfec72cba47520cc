/** `URL` writes every form of an IPv4 address as four decimal numbers, and IPv6 in brackets. */
const ADDRESS = /^(\[.*\]|\d+(\.\d+){3})$/;
/** Second-level names under which countries register domains, as in `co.uk` and `com.au`. */
const SECOND_LEVEL = /^(ac|co|com|edu|go|gob|gov|ltd|me|mil|ne|net|or|org|sch)$/;

/**
 * Explains why an issuer's metadata may not name this URL for its keys. Undefined if it may. The issuer's own host is always
 * allowed. Another host must be on the same site and must not be an IP address. We have no list of public suffixes, so two
 * hosts are on the same site if their last two labels are equal, or their last three under `co.uk` and similar.
 */
export function findSiteFault(issuer: URL, location: URL): string | undefined {
  if (location.host === issuer.host) return undefined;
  if (ADDRESS.test(location.hostname)) return 'is an IP address';
  const site = siteOf(issuer.hostname);
  const { hostname } = location;
  const isSame = hostname === issuer.hostname || (site !== undefined && siteOf(hostname) === site);
  return isSame ? undefined : 'is on another site';
}

function siteOf(hostname: string): string | undefined {
  if (ADDRESS.test(hostname)) return undefined;
  const labels = hostname.replace(/\.$/, '').split('.');
  const [second = '', top = ''] = labels.slice(-2);
  const count = top.length === 2 && SECOND_LEVEL.test(second) ? 3 : 2;
  return labels.length >= count ? labels.slice(-count).join('.') : undefined;
}
