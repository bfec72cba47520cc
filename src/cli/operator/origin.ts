import { InvalidArgumentError } from 'commander';

const LOOPBACK = /^(localhost|[a-z0-9-]+\.localhost|127(\.\d{1,3}){3}|\[::1\])$/i;

/** Parses `http(s)://host[:port]`. */
export function parseOrigin(text: string): string {
  if (!/^https?:\/\/[^/\s@?#]+\/?$/.test(text) || !URL.canParse(text)) {
    throw new InvalidArgumentError('must be http(s)://host or http(s)://host:port');
  }
  return text.replace(/\/$/, '');
}

/** True if a secret sent to this origin would travel in clear text: plain HTTP to another machine. */
export function isExposed(origin: string): boolean {
  const { protocol, hostname } = new URL(origin);
  return protocol === 'http:' && !LOOPBACK.test(hostname);
}
