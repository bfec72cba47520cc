import { InvalidArgumentError } from 'commander';
import { parseDurationSeconds } from './duration.ts';

/** Parses an expiry time: a duration from now, or a date and time with an offset. */
export function parseExpiry(text: string): string {
  const isDuration = /^\d+[a-z]$/.test(text);
  const date = new Date(isDuration ? Date.now() + parseDurationSeconds(text) * 1_000 : text);
  // Without an offset, the time would depend on this machine's time zone.
  if (Number.isNaN(date.getTime()) || (!isDuration && !/(Z|[+-]\d\d:\d\d)$/.test(text))) {
    throw new InvalidArgumentError('must be a duration such as 30d, or a time such as 2027-01-31T00:00:00Z');
  }
  return date.toISOString();
}
