/**
 * Any of these characters in `Host` would change where the URL's path begins, so the gateway would see a path that a
 * proxy did not check.
 */
const IN_PATH = /[/?#]/;

/**
 * True if a request names a host that the operator serves (`POSTERN_HOSTS`). Without that list, any valid host matches.
 * An entry without a port matches any port.
 *
 * @param hosts in lower case
 */
export function isServedHost({ url, headers }: Request, hosts: ReadonlySet<string> | undefined): boolean {
  if (IN_PATH.test(headers.get('host') ?? '')) return false;
  if (hosts === undefined) return true;
  const start = url.indexOf('://') + 3;
  const end = url.slice(start).search(/[/?#]/);
  const host = (end < 0 ? url.slice(start) : url.slice(start, start + end)).toLowerCase();
  return hosts.has(host) || hosts.has(host.replace(/:\d*$/, ''));
}
