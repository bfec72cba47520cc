import * as z from 'zod';

/** The query of a list: from behind a cursor, at most `limit` items. */
export const listQuery = (cursor: RegExp) =>
  z.object({
    cursor: z.string().regex(cursor, "must be the 'cursor' of the page before").default(''),
    limit: z.coerce.number().int().min(1).max(100).default(50),
  });
