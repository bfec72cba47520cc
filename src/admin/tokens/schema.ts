import * as z from 'zod';
import { ADMIN_ACCESSES } from '../../core/identity/admin-tokens.ts';
import { Timestamp } from '../timestamp.ts';

/** The name of an admin token, which goes into the audit trail: ASCII, so that no two look alike. */
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
    access: z.enum(ADMIN_ACCESSES).meta({ description: '`read`: may change nothing.' }),
    expiresAt: Timestamp.nullable().default(null),
  })
  .meta({ id: 'CreateAdminToken' });

const adminTokenMembers = {
  id: z.string(),
  name: z.string(),
  access: z.enum(ADMIN_ACCESSES),
  createdAt: Timestamp,
  expiresAt: Timestamp.nullable(),
};
export const NewAdminToken = z
  .strictObject({ ...adminTokenMembers, token: z.string().meta({ description: 'Shown once.' }) })
  .meta({ id: 'NewAdminToken' });
export type NewAdminToken = z.output<typeof NewAdminToken>;
export const AdminTokenList = z
  .strictObject({ adminTokens: z.array(z.strictObject(adminTokenMembers)) })
  .meta({ id: 'AdminTokenList' });
export type AdminTokenList = z.output<typeof AdminTokenList>;
