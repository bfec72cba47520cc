import type * as z from 'zod';
import { TENANT_OPERATIONS } from '../../admin/tenants/operations.ts';
import { toFieldFaults } from '../../document/field-faults.ts';
import { type JsonObject, toJson } from '../../document/json.ts';
import { MergedTenant } from '../../document/tenant.ts';
import type { Operator } from '../operator/operator.ts';
import { CommandError, EXIT } from '../terminal/exit.ts';
import type { CurrentTenant, Listed } from './plan.ts';

/** Maximum concurrent reads: enough to be quick, but too few to load the gateway noticeably. */
const AT_ONCE = 8;

/** Reads each tenant's whole document, in list order. Leaves out tenants that were deleted after they were listed. */
export async function readTenants(operator: Operator, listed: readonly Listed[]): Promise<CurrentTenant[]> {
  const tenants: (CurrentTenant | undefined)[] = [];
  let next = 0;
  const work = async () => {
    for (let at = next++; at < listed.length; at = next++) {
      const tenant = listed[at];
      if (tenant) tenants[at] = await readTenant(operator, tenant);
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, work));
  return tenants.filter((tenant) => tenant !== undefined);
}

async function readTenant(operator: Operator, { id }: Listed): Promise<CurrentTenant | undefined> {
  try {
    const { body, etag } = await operator.call(TENANT_OPERATIONS.readTenant, { tenantId: id });
    const { id: _id, version: _version, createdAt: _createdAt, updatedAt: _updatedAt, ...document } = body;
    return { id, name: body.name, document: checked(id, document), ...(etag !== undefined && { etag }) };
  } catch (error) {
    if (error instanceof CommandError && error.exitCode === EXIT.notFound) return undefined;
    throw error;
  }
}

/**
 * Brings a tenant's document into the form that the file's schema produces. Fails closed on a field that this version does
 * not know: the file cannot contain that field, so `apply` would remove it. A document that breaks only newer rules stays
 * unchanged, so that the file can correct it.
 */
function checked(id: string, document: object): JsonObject {
  const read = MergedTenant.safeParse(document);
  if (read.success) return toJson(read.data);
  const unknown = toFieldFaults(read.error.issues.filter(isUnknownField));
  if (unknown.length === 0) return toJson(document);
  const names = unknown.map(({ pointer }) => pointer).join(', ');
  throw new CommandError(
    `tenant ${id} has what this version of postern does not know (${names}): use that of the gateway`,
  );
}

const isUnknownField = (issue: z.core.$ZodIssue): boolean => issue.code === 'unrecognized_keys';
