import { InvalidArgumentError } from 'commander';

/** Parses a port to listen on. 0 means any free port. */
export function parsePort(text: string): number {
  const port = /^\d{1,5}$/.test(text) ? Number(text) : Number.NaN;
  if (!(port <= 65_535)) throw new InvalidArgumentError('must be a port: 0 (any free one) to 65535');
  return port;
}
