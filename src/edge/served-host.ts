/** With one of these in it, `Host` would say where the URL's path begins: not what a proxy that guards paths has looked at. */
const IN_PATH = /[/?#]/;

/**
 * True if a request names one of the hosts that the operator serves (`POSTERN_HOSTS`), or, without such a list, any host at
 * all. An entry without a port matches any port.
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
