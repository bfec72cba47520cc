import * as z from 'zod';
import { TenantDocumentSchema } from '../../document/tenant.ts';

/** A tenant as the file says it: what the admin API takes, and the id where the name alone does not tell it apart. */
const FileTenant = TenantDocumentSchema.extend({
  id: z
    .string()
    .regex(/^t\d{1,4}_[a-i][a-z2-7]{29}$/, 'must be the id of a tenant of this gateway; leave it out to make one')
    .optional()
    .meta({ description: 'Absent: the tenant is the one of this name, or is made.' }),
}).meta({ id: 'FileTenant' });

/** `postern.yaml`: every tenant as it shall be. What is left out is as if the admin API was not given it. */
export const PosternFile = z
  .strictObject({
    version: z.literal(1).meta({ description: 'Of this format.' }),
    tenants: z.array(FileTenant).max(10_000),
  })
  .check(({ value: { tenants }, issues, value }) => {
    const byId = new Map<string, number>();
    const byName = new Map<string, number>();
    tenants.forEach(({ id, name }, index) => {
      const fault = (member: 'id' | 'name', message: string) =>
        issues.push({ code: 'custom', path: ['tenants', index, member], message, input: value });
      const sameId = id === undefined ? undefined : byId.get(id);
      if (sameId !== undefined) fault('id', `is that of #/tenants/${sameId} too`);
      else if (id !== undefined) byId.set(id, index);
      const sameName = byName.get(name);
      if (sameName === undefined) byName.set(name, index);
      else if (id === undefined || tenants[sameName]?.id === undefined) {
        fault('name', `is that of #/tenants/${sameName} too; put the id of each beside it`);
      }
    });
  })
  .meta({ id: 'PosternFile', title: 'postern.yaml', description: 'The tenants of a Postern gateway.' });

export type FileTenant = z.output<typeof FileTenant>;

/** The JSON schema of the file, for editors: made from the schemas that check it and the admin API. */
export const fileJsonSchema = (): object => z.toJSONSchema(PosternFile, { io: 'input' });
