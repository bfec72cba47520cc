import * as z from 'zod';
import { ADMIN_ACCESSES } from '../../core/identity/admin-tokens.ts';
import { Timestamp } from '../timestamp.ts';

/** The format of an admin token's name. ASCII, so that no two names in the audit trail look alike. */
const ADMIN_TOKEN_NAME = /^[A-Za-z0-9._@-]{1,64}$/;

export const CreateAdminToken = z
  .strictObject({
    name: z
      .string()
      .regex(ADMIN_TOKEN_NAME, 'must be 1 to 64 letters, digits and . _ @ -')
      .meta({
        description:
          'Shown in the audit trail. Compared without case. A name is never used again, and `root` is reserved.',
        examples: ['alice@example.com'],
      }),
    access: z.enum(ADMIN_ACCESSES).meta({ description: '`read`: the token can change nothing.' }),
    expiresAt: Timestamp.nullable()
      .default(null)
      .meta({ description: 'The time at which the token expires. Null: never.' }),
  })
  .meta({ id: 'CreateAdminToken', description: 'An admin token to create.' });

const adminTokenMembers = {
  id: z.string().meta({ description: 'The id of the token.' }),
  name: z.string().meta({ description: 'The name that the audit trail shows.' }),
  access: z.enum(ADMIN_ACCESSES).meta({ description: '`read`: the token can change nothing.' }),
  createdAt: Timestamp.meta({ description: 'The time at which the token was created.' }),
  expiresAt: Timestamp.nullable().meta({ description: 'The time at which the token expires. Null: never.' }),
};
export const NewAdminToken = z
  .strictObject({
    ...adminTokenMembers,
    token: z.string().meta({ description: 'The token for `Authorization: Bearer`. Shown once.' }),
  })
  .meta({ id: 'NewAdminToken', description: 'A new admin token, with its secret.' });
export type NewAdminToken = z.output<typeof NewAdminToken>;
export const AdminTokenList = z
  .strictObject({ adminTokens: z.array(z.strictObject(adminTokenMembers)).meta({ description: 'By name.' }) })
  .meta({ id: 'AdminTokenList', description: 'All admin tokens, without secrets.' });
export type AdminTokenList = z.output<typeof AdminTokenList>;
