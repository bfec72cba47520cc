/**
 * True if a request names one of the hosts that the operator serves (`POSTERN_HOSTS`), or if there is no such list. An
 * entry without a port fits any port.
 *
 * @param hosts in lower case
 */
export function isServedHost(url: string, hosts: ReadonlySet<string> | undefined): boolean {
  if (hosts === undefined) return true;
  const start = url.indexOf('://') + 3;
  const end = url.slice(start).search(/[/?#]/);
  const host = (end < 0 ? url.slice(start) : url.slice(start, start + end)).toLowerCase();
  return hosts.has(host) || hosts.has(host.replace(/:\d*$/, ''));
}
