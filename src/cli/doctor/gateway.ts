import { TENANT_OPERATIONS } from '../../admin/tenants/operations.ts';
import type { TenantList, TenantResponse } from '../../admin/tenants/schema.ts';
import { TOKEN_OPERATIONS } from '../../admin/tokens/operations.ts';
import { warnOfIssuers } from '../../core/identity/issuer-warnings.ts';
import type { RootKeys } from '../../core/identity/root-keys.ts';
import { type AdminAnswer, createAdminClient } from '../operator/admin-client.ts';
import type { Connection } from '../operator/connection.ts';
import { createOperator } from '../operator/operator.ts';
import { whyUnreachable } from '../operator/unreachable.ts';
import { type Finding, findingsOf, judgeClock } from './finding.ts';

const READS_AT_ONCE = 8;

/** A tenant on the gateway's list, and the gateway's answer when the tenant was read. */
interface ReadTenant {
  readonly listed: TenantList['tenants'][number];
  readonly answer: AdminAnswer;
}

/** Reads each tenant, because only the gateway can verify a tenant's id. */
async function readTenants({ url, adminToken }: Connection): Promise<ReadTenant[]> {
  const waiting = await createOperator({ url, adminToken }).list(TENANT_OPERATIONS.listTenants, {}, 'tenants');
  const client = createAdminClient(url, adminToken);
  const read: ReadTenant[] = [];
  const work = async () => {
    for (let listed = waiting.shift(); listed; listed = waiting.shift())
      read.push({ listed, answer: await client.request('GET', `/tenants/${listed.id}`) });
  };
  await Promise.all(Array.from({ length: READS_AT_ONCE }, work));
  return read;
}

const count = (amount: number, noun: string) => `${amount} ${noun}${amount === 1 ? '' : 's'}`;

/** The message and the fix for each root key fault, keyed by the `reason` in the gateway's answer. */
const ROOT_KEY_FAULTS: Readonly<Record<string, (version: string, tenants: number) => readonly [string, string]>> = {
  'root-key-missing': (version, tenants) => [
    `root key version ${version}, which is missing from the gateway's POSTERN_ROOT_KEYS, is needed by ${count(tenants, 'tenant')}`,
    `put version ${version} back into POSTERN_ROOT_KEYS, after the first`,
  ],
  'root-key-wrong': (version, tenants) => [
    `the root key of version ${version} is not the one that ${count(tenants, 'tenant')} ${tenants === 1 ? 'was' : 'were'} created with`,
    `put the root key of version ${version} that the state was made with back into POSTERN_ROOT_KEYS`,
  ],
};

/** Checks that the gateway has the root keys that its tenants were created with. */
function checkRootKeys(tenants: readonly ReadTenant[]): Finding[] {
  const { ok, fail } = findingsOf('root keys of tenants');
  const faulty = Map.groupBy(tenants, ({ listed, answer }) => {
    const reason = String((answer.body as { reason?: unknown } | null)?.reason);
    return `${reason} ${/^t(\d+)_/.exec(listed.id)?.[1]}`;
  });
  const findings = [...faulty].flatMap(([fault, { length }]) => {
    const [reason = '', version = ''] = fault.split(' ');
    const words = ROOT_KEY_FAULTS[reason]?.(version, length);
    return words ? [fail(...words)] : [];
  });
  return findings.length > 0 || tenants.length === 0 ? findings : [ok('all there')];
}

/** Warns if a tenant trusts tokens by a name that a stranger could acquire. Skips tenants that cannot be read. */
function checkIssuers(tenants: readonly ReadTenant[]): Finding[] {
  const { warn } = findingsOf('issuers of tenants');
  return tenants.flatMap(({ listed: { id, name }, answer: { status, body } }) => {
    const warnings = status === 200 ? warnOfIssuers((body as TenantResponse).issuers) : [];
    return warnings.map((warning) => {
      const [message = warning, fix = ''] = warning.split(/(?<=\.) (?=Require)/);
      return warn(`${name} (${id}): ${message}`, fix);
    });
  });
}

/** Warns about admin tokens that cannot work because their root key is missing from the settings. */
async function checkAdminTokens(connection: Connection, { byVersion }: RootKeys): Promise<Finding[]> {
  const { body } = await createOperator(connection).call(TOKEN_OPERATIONS.listAdminTokens, {});
  const { warn } = findingsOf('admin tokens');
  return body.adminTokens.flatMap(({ id, name }) => {
    const version = Number(/^a(\d+)_/.exec(id)?.[1]);
    if (byVersion.has(version)) return [];
    const message = `${name} (${id}) is refused: root key version ${version} is missing from the settings`;
    return [warn(message, 'create another token and revoke this one, or put the version back')];
  });
}

/** Checks that a gateway answers, accepts its admin token, and has the root keys of its tenants and admin tokens. */
export async function checkGateway(
  { url, adminToken }: Connection,
  rootKeys: RootKeys | undefined,
): Promise<Finding[]> {
  const { ok, fail } = findingsOf('gateway');
  try {
    const { status, headers, body } = await createAdminClient(url, adminToken).request('GET', '/tenants?limit=1');
    const clock = judgeClock('clock of the gateway', headers.get('date'), Date.now());
    if (status === 200) {
      const tenants = await readTenants({ url, adminToken });
      const answers = ok(`${url} answers and accepts the admin token`);
      const ofTokens = rootKeys ? await checkAdminTokens({ url, adminToken }, rootKeys) : [];
      return [answers, clock, ...checkRootKeys(tenants), ...checkIssuers(tenants), ...ofTokens];
    }
    if (status === 401) return [fail(`${url} does not accept the admin token`, 'check POSTERN_ADMIN_TOKEN'), clock];
    const { Message } = (typeof body === 'object' && body !== null ? body : {}) as { Message?: unknown };
    if (headers.get('x-postern-refusal') === 'misconfigured') {
      return [
        fail(`${url}: ${String(Message)}`, 'set each setting that this message names, with wrangler secret put'),
        clock,
      ];
    }
    return [fail(`${url} answered ${status}`, 'check that this is the address of a Postern gateway')];
  } catch (error) {
    return [fail(`${url} gave no answer (${whyUnreachable(error)})`, 'check its address, and that it is running')];
  }
}
