import * as z from 'zod';

/** The query of a list: at most `limit` items, starting after a cursor. */
export const listQuery = (cursor: RegExp) =>
  z.object({
    cursor: z
      .string()
      .regex(cursor, "must be the 'cursor' of the page before")
      .default('')
      .meta({ description: 'The `cursor` of the page before. Default: the first page.' }),
    limit: z.coerce
      .number()
      .int()
      .min(1)
      .max(100)
      .default(50)
      .meta({ description: 'The maximum number of items to return.' }),
  });

/** The cursor that a page of a list contains. */
export const NextCursor = z
  .string()
  .nullable()
  .meta({ description: 'Pass it as `cursor` to get the next page. Null: this is the last page.' });
