/** Periods of a calendar quota, in UTC: days, weeks that start on Monday (ISO 8601), and months. */
export const PERIODS = ['day', 'week', 'month'] as const;
export type Period = (typeof PERIODS)[number];

export const DAY_MS = 24 * 3_600_000;
/** 1970-01-05 was the first Monday. */
const FIRST_MONDAY_MS = 4 * DAY_MS;

const floorTo = (ms: number, step: number, origin: number) => Math.floor((ms - origin) / step) * step + origin;

/** Returns the start of the window that contains a time (epoch ms). Every window starts at midnight UTC. */
export function windowStart(period: Period, ms: number): number {
  switch (period) {
    case 'day':
      return floorTo(ms, DAY_MS, 0);
    case 'week':
      return floorTo(ms, 7 * DAY_MS, FIRST_MONDAY_MS);
    case 'month': {
      const date = new Date(ms);
      return Date.UTC(date.getUTCFullYear(), date.getUTCMonth());
    }
  }
}

/** Returns the end of the window that contains a time: the first millisecond after the window. */
export function windowEnd(period: Period, ms: number): number {
  switch (period) {
    case 'day':
      return windowStart('day', ms) + DAY_MS;
    case 'week':
      return windowStart('week', ms) + 7 * DAY_MS;
    case 'month': {
      const date = new Date(ms);
      return Date.UTC(date.getUTCFullYear(), date.getUTCMonth() + 1);
    }
  }
}
