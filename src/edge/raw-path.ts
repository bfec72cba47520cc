/**
 * The path of a URL as it came on the wire. `URL` and Hono decode and fold paths. `/%61dmin` or `/x/../admin` would then
 * count as `/admin`, and pass a proxy that protects that path by its text.
 */
export function rawPathOf(url: string): string {
  const path = url.indexOf('/', url.indexOf('://') + 3);
  const end = url.slice(path).search(/[?#]/);
  return end < 0 ? url.slice(path) : url.slice(path, path + end);
}
