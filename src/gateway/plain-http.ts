const LOOPBACK = /^https?:\/\/(localhost|[a-z0-9-]+\.localhost|127(\.\d{1,3}){3}|\[::1\])(:\d+)?(\/|$)/i;

/**
 * Says whether a secret in this request could be read on its way: not HTTPS, and not within one machine. Such a request
 * is refused even with a good secret, for to accept it would let the exposure go unnoticed.
 */
export const isExposed = (url: string): boolean => !url.startsWith('https:') && !isLoopback(url);

/** Says whether a URL is within this machine. */
export const isLoopback = (url: string): boolean => LOOPBACK.test(url);
