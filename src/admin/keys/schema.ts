import * as z from 'zod';
import { nameOf, OPTIONAL_NAME } from '../../document/names.ts';
import { listQuery, NextCursor } from '../page.ts';
import { Timestamp } from '../timestamp.ts';

const MAX_GRACE_SECONDS = 30 * 86_400;
/** Default number of seconds that a rotated key keeps working. */
export const DEFAULT_GRACE_SECONDS = 3_600;

export const CreateKey = z
  .strictObject({
    name: nameOf(OPTIONAL_NAME, 'must not contain control or format characters')
      .default('')
      .meta({ description: 'A label that tells people what the key is for. Default: none.', examples: ['production'] }),
    expiresAt: Timestamp.nullable()
      .default(null)
      .meta({ description: 'The time at which the key expires. Null: never.' }),
  })
  .meta({ id: 'CreateKey', description: 'A key to create.' });

const keyMembers = {
  id: z.string().meta({ description: 'The id of the key.' }),
  name: z.string().meta({ description: 'The name given to the key. Empty: none.' }),
  createdAt: Timestamp.meta({ description: 'The time at which the key was created.' }),
  expiresAt: Timestamp.nullable().meta({ description: 'The time at which the key expires. Null: never.' }),
  lastUsedAt: Timestamp.nullable().meta({
    description: 'The time of the last call with the key, at most a minute behind. Null: it was never used.',
  }),
};

export const RotateKey = z
  .strictObject({
    graceSeconds: z
      .int()
      .min(0)
      .max(MAX_GRACE_SECONDS)
      .default(DEFAULT_GRACE_SECONDS)
      .meta({ description: 'Seconds until the old key expires.' }),
  })
  .meta({ id: 'RotateKey', description: 'How to rotate a key.' });

export const KeyList = z
  .strictObject({
    keys: z
      .array(z.strictObject(keyMembers))
      .meta({ description: 'By id. An expired key stays in the list for 30 days.' }),
    cursor: NextCursor,
  })
  .meta({ id: 'KeyList', description: 'One page of keys, without secrets.' });
export type KeyList = z.output<typeof KeyList>;

export const NewKey = z
  .strictObject({
    ...keyMembers,
    apiKey: z.string().meta({ description: 'The key for `x-api-key` or `Authorization: Bearer`. Shown once.' }),
    accessKeyId: z.string().meta({ description: 'The access key id for AWS SDKs. Equals `id`.' }),
    secretAccessKey: z.string().meta({ description: 'The secret access key for AWS SDKs. Shown once.' }),
  })
  .meta({ id: 'NewKey', description: 'A new key, with its secrets.' });
export type NewKey = z.output<typeof NewKey>;

export const KeyListQuery = listQuery(/^(k[a-z0-9_]{1,128})?$/);
