/**
 * Returns the path of a URL as sent. `URL` and Hono decode and normalize paths: `/%61dmin` or `/x/../admin` would
 * become `/admin`, after passing a proxy that protects only the literal text `/admin`.
 */
export function rawPathOf(url: string): string {
  const path = url.indexOf('/', url.indexOf('://') + 3);
  const end = url.slice(path).search(/[?#]/);
  return end < 0 ? url.slice(path) : url.slice(path, path + end);
}
