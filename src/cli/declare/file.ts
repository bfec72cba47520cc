import * as z from 'zod';
import { TENANT_ID } from '../../core/identity/ids.ts';
import { TenantDocumentSchema } from '../../document/tenant.ts';

/** A tenant in the file: the fields that the admin API takes, plus the id if the name alone is ambiguous. */
const FileTenant = TenantDocumentSchema.extend({
  id: z
    .string()
    .regex(TENANT_ID, 'must be the id of a tenant of this gateway; leave it out to create a tenant')
    .optional()
    .meta({ description: 'Absent: the tenant of this name, which is created if there is none.' }),
}).meta({ id: 'FileTenant' });

/** `postern.yaml`: the desired state of every tenant. An omitted field has the admin API's default. */
export const PosternFile = z
  .strictObject({
    version: z.literal(1).meta({ description: 'The version of this format.' }),
    tenants: z.array(FileTenant).max(10_000),
  })
  .check(({ value: { tenants }, issues, value }) => {
    const byId = new Map<string, number>();
    const byName = new Map<string, number>();
    tenants.forEach(({ id, name }, index) => {
      const fault = (member: 'id' | 'name', message: string) =>
        issues.push({ code: 'custom', path: ['tenants', index, member], message, input: value });
      const sameId = id === undefined ? undefined : byId.get(id);
      if (sameId !== undefined) fault('id', `is also the id of #/tenants/${sameId}`);
      else if (id !== undefined) byId.set(id, index);
      const sameName = byName.get(name);
      if (sameName === undefined) byName.set(name, index);
      else if (id === undefined || tenants[sameName]?.id === undefined) {
        fault('name', `is also the name of #/tenants/${sameName}; give both their ids`);
      }
    });
  })
  .meta({ id: 'PosternFile', title: 'postern.yaml', description: 'The tenants of a Postern gateway.' });

export type FileTenant = z.output<typeof FileTenant>;

/** The JSON schema of the file, for editors, derived from the schemas that check the file and admin API requests. */
export const fileJsonSchema = (): object => z.toJSONSchema(PosternFile, { io: 'input' });
