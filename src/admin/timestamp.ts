import * as z from 'zod';

/** The format of times in the API: a date and time with an offset. */
export const Timestamp = z.iso.datetime({ offset: true });

export const toIso = (ms: number): string => new Date(ms).toISOString();
export const toIsoOrNull = (ms: number | null): string | null => (ms === null ? null : toIso(ms));
export const toMsOrNull = (iso: string | null): number | null => (iso === null ? null : Date.parse(iso));
