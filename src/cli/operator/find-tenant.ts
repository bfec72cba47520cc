import { TENANT_OPERATIONS } from '../../admin/tenants/operations.ts';
import type { TenantResponse } from '../../admin/tenants/schema.ts';
import { TENANT_ID } from '../../core/identity/ids.ts';
import { CommandError, EXIT, usageError } from '../terminal/exit.ts';
import type { Operator } from './operator.ts';

/** Returns the id of the tenant that a command names, by id or by a name that only one tenant has. */
export async function findTenant(operator: Operator, named: string): Promise<string> {
  if (TENANT_ID.test(named)) return named;
  const listed = await operator.list(TENANT_OPERATIONS.listTenants, {}, 'tenants');
  const [found, ...others] = listed.filter(({ name }) => name === named);
  if (!found)
    throw new CommandError(`${operator.url} has no tenant with the name or id ${JSON.stringify(named)}`, EXIT.notFound);
  if (others.length === 0) return found.id;
  const ids = [found, ...others].map(({ id }) => id).join(', ');
  throw usageError(
    `${JSON.stringify(named)} is the name of several tenants; nothing was changed. Name one by its id: ${ids}`,
  );
}

type TenantNamed = Pick<TenantResponse, 'id' | 'name'>;

/** Warns on standard error if other tenants already have a tenant's new name. Commands must then use ids. */
export async function warnOfSharedName(operator: Operator, { id, name }: TenantNamed): Promise<void> {
  // The tenant has already been changed. A failure to read this list must not make the change look failed.
  const listed = await operator.list(TENANT_OPERATIONS.listTenants, {}, 'tenants').catch(() => []);
  const others = listed.filter((other) => other.name === name && other.id !== id);
  if (others.length === 0) return;
  const ids = [...others.map((other) => other.id), id].join(', ');
  console.error(`warning: ${JSON.stringify(name)} is now ambiguous: ${ids} have this name. Name each by its id.`);
}
