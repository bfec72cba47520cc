import { InvalidArgumentError } from 'commander';

const UNIT_SECONDS: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3_600, d: 86_400 };

/** Parses a duration such as `90s`, `30m`, `24h` or `7d`. */
export function parseDurationSeconds(text: string): number {
  const match = /^(\d{1,9})([smhd])$/.exec(text);
  const unit = UNIT_SECONDS[match?.[2] ?? ''];
  if (!match || unit === undefined) throw new InvalidArgumentError('must be a duration such as 90s, 30m, 24h or 7d');
  return Number(match[1]) * unit;
}
