import * as z from 'zod';
import { listQuery, NextCursor } from '../page.ts';
import { Timestamp } from '../timestamp.ts';

export const AuditQuery = listQuery(/^\d{0,15}$/);

const Change = z.strictObject({
  pointer: z.string().meta({ description: 'The member of the tenant: a JSON pointer, such as `/limits/rate`.' }),
  from: z.unknown().optional().meta({ description: 'The value before. Absent: there was none.' }),
  to: z.unknown().optional().meta({ description: 'The value after. Absent: there is none.' }),
});

const Key = z.strictObject({
  id: z.string().meta({ description: 'The id of the key.' }),
  name: z.string().optional().meta({ description: 'The name of the key.' }),
  expiresAt: Timestamp.nullable().optional().meta({ description: 'The time at which the key expires. Null: never.' }),
});

const Tenant = z.strictObject({
  id: z.string().meta({ description: 'The id of the tenant.' }),
  name: z.string().meta({ description: 'The name of the tenant.' }),
});

const AdminToken = z.strictObject({
  id: z.string().meta({ description: 'The id of the token.' }),
  name: z.string().meta({ description: 'The name of the token.' }),
  access: z.string().meta({ description: 'The access of the token.' }),
});

const Entry = z.strictObject({
  id: z.int().meta({ description: 'Counts the entries.' }),
  at: Timestamp.meta({ description: 'The time of the change.' }),
  actor: z.string().meta({ description: 'The name of the admin token that made the change.' }),
  actorId: z.string().nullable().meta({ description: 'The id of that token. Null for `root`, and in old entries.' }),
  action: z.string().meta({ description: 'What was done.', examples: ['tenant.change', 'key.rotate'] }),
  changes: z.array(Change).optional().meta({ description: 'The members of the tenant that changed.' }),
  key: Key.optional().meta({ description: 'The key that was created, rotated or revoked.' }),
  successor: z.string().optional().meta({ description: 'The id of the key that replaces a rotated one.' }),
  tenant: Tenant.optional().meta({ description: 'The tenant that was created or deleted.' }),
  adminToken: AdminToken.optional().meta({ description: 'The admin token that was created or revoked.' }),
});

export const AuditList = z
  .strictObject({ entries: z.array(Entry).meta({ description: 'Newest first.' }), cursor: NextCursor })
  .meta({ id: 'AuditList', description: 'One page of an audit trail.' });
export type AuditList = z.output<typeof AuditList>;
