import { TENANT_OPERATIONS } from '../../admin/tenants/operations.ts';
import type { Operator } from '../operator/operator.ts';
import { PosternFile } from './file.ts';
import { matchTenants, type Plan, planSteps } from './plan.ts';
import { readFile } from './read-file.ts';
import { readTenants } from './read-tenants.ts';

/** Reads the file and the gateway, and plans the steps that make the gateway match the file. Changes nothing. */
export async function readPlan(operator: () => Promise<Operator>, path: string, prune: boolean): Promise<Plan> {
  // Read the file first, so that its mistakes are reported before anything is sent.
  const { tenants } = await readFile(path, PosternFile);
  const gateway = await operator();
  const { matched, rest } = matchTenants(tenants, await gateway.list(TENANT_OPERATIONS.listTenants, {}, 'tenants'));
  const current = await readTenants(
    gateway,
    matched.flatMap(({ found }) => found ?? []),
  );
  const byId = new Map(current.map((tenant) => [tenant.id, tenant]));
  const read = matched.map(({ wanted, found }) => {
    const tenant = found && byId.get(found.id);
    return { wanted, ...(tenant && { found: tenant }) };
  });
  return planSteps(read, rest, prune);
}
