import * as z from 'zod';
import { listQuery } from '../page.ts';
import { Timestamp } from '../timestamp.ts';

export const AuditQuery = listQuery(/^\d{0,15}$/);

export const AuditList = z
  .strictObject({
    entries: z.array(
      z.strictObject({
        id: z.int(),
        at: Timestamp,
        actor: z.string().meta({ description: 'The name of the admin token that it was done with.' }),
        actorId: z
          .string()
          .nullable()
          .meta({ description: "The id of the actor's token. Null for `root`, and in old entries." }),
        action: z.string().meta({ examples: ['tenant.change', 'key.rotate'] }),
        changes: z
          .array(z.strictObject({ pointer: z.string(), from: z.unknown().optional(), to: z.unknown().optional() }))
          .optional(),
        key: z
          .strictObject({ id: z.string(), name: z.string().optional(), expiresAt: Timestamp.nullable().optional() })
          .optional(),
        successor: z.string().optional(),
        tenant: z.strictObject({ id: z.string(), name: z.string() }).optional(),
        adminToken: z.strictObject({ id: z.string(), name: z.string(), access: z.string() }).optional(),
      }),
    ),
    cursor: z.string().nullable(),
  })
  .meta({ id: 'AuditList', description: 'The newest first.' });
export type AuditList = z.output<typeof AuditList>;
