import type { NewKey } from '../../admin/keys/schema.ts';
import type { TenantResponse } from '../../admin/tenants/schema.ts';
import type { AdminClient } from '../operator/admin-client.ts';
import type { DemoTenant } from './dev-state.ts';

/** Everything is allowed: the functions behind it are local, or the developer's own. */
const DEMO = { name: 'demo', policy: { allow: [{ function: '*', logTail: true, tenantId: 'caller' }] } };

/** Finds the demo tenant of an earlier start, or creates one with a key. */
export async function ensureDemo(admin: AdminClient, earlier: DemoTenant | undefined): Promise<DemoTenant> {
  if (earlier && (await admin.request('GET', `/tenants/${earlier.tenantId}`)).status === 200) return earlier;
  const { id } = await create<TenantResponse>(admin, '/tenants', DEMO);
  const { apiKey, accessKeyId, secretAccessKey } = await create<NewKey>(admin, `/tenants/${id}/keys`, { name: 'demo' });
  return { tenantId: id, apiKey, accessKeyId, secretAccessKey };
}

async function create<T>(admin: AdminClient, path: string, document: unknown): Promise<T> {
  const { status, body } = await admin.request('POST', path, document);
  if (status !== 201) throw new Error(`the gateway answered POST ${path} with ${status}: ${JSON.stringify(body)}`);
  return body as T;
}
