import { TENANT_OPERATIONS } from '../../admin/tenants/operations.ts';
import { createAdminClient } from '../operator/admin-client.ts';
import type { Connection } from '../operator/connection.ts';
import { createOperator } from '../operator/operator.ts';
import { whyUnreachable } from '../operator/unreachable.ts';
import { type Finding, findingsOf, judgeClock } from './finding.ts';

/** Checks that the gateway has the root key of each of its tenants. It reads one tenant of each version. */
async function checkRootKeys(connection: Connection): Promise<Finding[]> {
  const { ok, fail } = findingsOf('root keys of tenants');
  const tenants = await createOperator(connection).list(TENANT_OPERATIONS.listTenants, {}, 'tenants');
  const byVersion = Map.groupBy(tenants, ({ id }) => /^t(\d+)_/.exec(id)?.[1] ?? '?');
  const findings: Finding[] = [];
  for (const [version, [first, ...others]] of byVersion) {
    const client = createAdminClient(connection.url, connection.adminToken);
    const { body } = await client.request('GET', `/tenants/${first?.id}`);
    if ((body as { reason?: unknown } | null)?.reason !== 'root-key-missing') continue;
    const count = others.length === 0 ? '1 tenant needs' : `${others.length + 1} tenants need`;
    const message = `${count} root key version ${version}, which is missing from the gateway's POSTERN_ROOT_KEYS`;
    findings.push(fail(message, `put version ${version} back into POSTERN_ROOT_KEYS, after the first`));
  }
  return findings.length > 0 || tenants.length === 0 ? findings : [ok('all there')];
}

/** Looks whether a gateway answers, and takes its admin token. */
export async function checkGateway({ url, adminToken }: Connection): Promise<Finding[]> {
  const { ok, fail } = findingsOf('gateway');
  try {
    const { status, headers, body } = await createAdminClient(url, adminToken).request('GET', '/tenants?limit=1');
    const clock = judgeClock('clock of the gateway', headers.get('date'), Date.now());
    if (status === 200) {
      return [ok(`${url} answers, and takes the admin token`), clock, ...(await checkRootKeys({ url, adminToken }))];
    }
    if (status === 401) return [fail(`${url} does not take the admin token`, 'look at POSTERN_ADMIN_TOKEN'), clock];
    const { Message } = (typeof body === 'object' && body !== null ? body : {}) as { Message?: unknown };
    if (headers.get('x-postern-refusal') === 'misconfigured') {
      return [fail(`${url}: ${String(Message)}`, 'set what it names, with wrangler secret put'), clock];
    }
    return [fail(`${url} answered ${status}`, 'look whether this is the address of a Postern gateway')];
  } catch (error) {
    return [fail(`${url} gave no answer (${whyUnreachable(error)})`, 'look at its address, and whether it runs')];
  }
}
