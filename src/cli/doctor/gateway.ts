import { TENANT_OPERATIONS } from '../../admin/tenants/operations.ts';
import type { TenantList, TenantResponse } from '../../admin/tenants/schema.ts';
import { warnOfIssuers } from '../../core/identity/issuer-warnings.ts';
import { createAdminClient } from '../operator/admin-client.ts';
import type { Connection } from '../operator/connection.ts';
import { createOperator } from '../operator/operator.ts';
import { whyUnreachable } from '../operator/unreachable.ts';
import { type Finding, findingsOf, judgeClock } from './finding.ts';

const READS_AT_ONCE = 8;

type Listed = TenantList['tenants'][number];

/** Checks that the gateway has the root key of each of its tenants. It reads one tenant of each version. */
async function checkRootKeys(connection: Connection, tenants: readonly Listed[]): Promise<Finding[]> {
  const { ok, fail } = findingsOf('root keys of tenants');
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

/** Warns about issuers that tenants trust by names which somebody else can get. A tenant that cannot be read is skipped. */
async function checkIssuers(connection: Connection, tenants: readonly Listed[]): Promise<Finding[]> {
  const { warn } = findingsOf('issuers of tenants');
  const client = createAdminClient(connection.url, connection.adminToken);
  const waiting = [...tenants];
  const findings: Finding[] = [];
  const work = async () => {
    for (let tenant = waiting.shift(); tenant; tenant = waiting.shift()) {
      const { status, body } = await client.request('GET', `/tenants/${tenant.id}`);
      if (status !== 200) continue;
      for (const warning of warnOfIssuers((body as TenantResponse).issuers)) {
        const [message = warning, fix = ''] = warning.split(/(?<=\.) (?=Require)/);
        findings.push(warn(`${tenant.name} (${tenant.id}): ${message}`, fix));
      }
    }
  };
  await Promise.all(Array.from({ length: READS_AT_ONCE }, work));
  return findings;
}

/** Checks that a gateway answers, and accepts its admin token. */
export async function checkGateway({ url, adminToken }: Connection): Promise<Finding[]> {
  const { ok, fail } = findingsOf('gateway');
  try {
    const { status, headers, body } = await createAdminClient(url, adminToken).request('GET', '/tenants?limit=1');
    const clock = judgeClock('clock of the gateway', headers.get('date'), Date.now());
    if (status === 200) {
      const connection = { url, adminToken };
      const tenants = await createOperator(connection).list(TENANT_OPERATIONS.listTenants, {}, 'tenants');
      const ofTenants = [await checkRootKeys(connection, tenants), await checkIssuers(connection, tenants)];
      return [ok(`${url} answers and accepts the admin token`), clock, ...ofTenants.flat()];
    }
    if (status === 401) return [fail(`${url} does not accept the admin token`, 'check POSTERN_ADMIN_TOKEN'), clock];
    const { Message } = (typeof body === 'object' && body !== null ? body : {}) as { Message?: unknown };
    if (headers.get('x-postern-refusal') === 'misconfigured') {
      return [fail(`${url}: ${String(Message)}`, 'set what it names, with wrangler secret put'), clock];
    }
    return [fail(`${url} answered ${status}`, 'check that this is the address of a Postern gateway')];
  } catch (error) {
    return [fail(`${url} gave no answer (${whyUnreachable(error)})`, 'check its address, and that it is running')];
  }
}
