import * as z from 'zod';
import { nameOf, OPTIONAL_NAME } from '../../document/names.ts';
import { listQuery } from '../page.ts';
import { Timestamp } from '../timestamp.ts';

const MAX_GRACE_SECONDS = 30 * 86_400;
/** How long a rotated key goes on working where nothing else is said. */
export const DEFAULT_GRACE_SECONDS = 3_600;

export const CreateKey = z
  .strictObject({
    name: nameOf(OPTIONAL_NAME, 'must not contain control or format characters')
      .default('')
      .meta({ examples: ['production'] }),
    expiresAt: Timestamp.nullable().default(null).meta({ description: 'Null: it does not expire.' }),
  })
  .meta({ id: 'CreateKey' });

const keyMembers = {
  id: z.string(),
  name: z.string(),
  createdAt: Timestamp,
  expiresAt: Timestamp.nullable(),
  lastUsedAt: Timestamp.nullable().meta({ description: 'At most a minute behind.' }),
};

export const RotateKey = z
  .strictObject({
    graceSeconds: z
      .int()
      .min(0)
      .max(MAX_GRACE_SECONDS)
      .default(DEFAULT_GRACE_SECONDS)
      .meta({ description: 'How long the old key goes on to work.' }),
  })
  .meta({ id: 'RotateKey' });

export const KeyList = z
  .strictObject({ keys: z.array(z.strictObject(keyMembers)), cursor: z.string().nullable() })
  .meta({ id: 'KeyList' });
export type KeyList = z.output<typeof KeyList>;

export const NewKey = z
  .strictObject({
    ...keyMembers,
    apiKey: z.string().meta({ description: 'For `x-api-key` or `Authorization: Bearer`. Shown once.' }),
    accessKeyId: z.string(),
    secretAccessKey: z.string().meta({ description: 'Shown once.' }),
  })
  .meta({ id: 'NewKey' });
export type NewKey = z.output<typeof NewKey>;

export const KeyListQuery = listQuery(/^(k[a-z0-9_]{1,128})?$/);
