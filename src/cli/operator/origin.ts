import { InvalidArgumentError } from 'commander';
import { isLoopback } from '../../edge/plain-http.ts';

/** Parses `http(s)://host[:port]`. */
export function parseOrigin(text: string): string {
  if (!/^https?:\/\/[^/\s@?#]+\/?$/.test(text) || !URL.canParse(text)) {
    throw new InvalidArgumentError('must be http(s)://host or http(s)://host:port');
  }
  return text.replace(/\/$/, '');
}

/** True if a secret sent to this origin would travel in clear text: plain HTTP to another machine. */
export function isExposed(origin: string): boolean {
  const url = new URL(origin);
  return url.protocol === 'http:' && !isLoopback(url.origin);
}
