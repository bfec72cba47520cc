const LOOPBACK = /^https?:\/\/(localhost|[a-z0-9-]+\.localhost|127(\.\d{1,3}){3}|\[::1\])(:\d+)?(\/|$)/i;

/** True if a URL names this machine. */
export const isLoopback = (url: string): boolean => LOOPBACK.test(url);
