import { KEY_OPERATIONS } from '../../admin/keys/operations.ts';
import { type AnswerOf, fillPath, type Operation, type ParamsOf } from '../../admin/operation.ts';
import { TENANT_OPERATIONS } from '../../admin/tenants/operations.ts';
import type { AdminClient } from '../operator/admin-client.ts';
import type { DemoTenant } from './dev-state.ts';

/** The demo tenant may call everything, because the functions are local or belong to the developer. */
const DEMO = { name: 'demo', policy: { allow: [{ function: '*', logTail: true, tenantId: 'caller' }] } };

/** Returns the demo tenant of an earlier start if it still exists. Otherwise creates a demo tenant with a key. */
export async function ensureDemo(admin: AdminClient, earlier: DemoTenant | undefined): Promise<DemoTenant> {
  if (earlier && (await admin.request('GET', `/tenants/${earlier.tenantId}`)).status === 200) return earlier;
  const { id: tenantId } = await create(admin, TENANT_OPERATIONS.createTenant, {}, DEMO);
  const { apiKey, accessKeyId, secretAccessKey } = await create(
    admin,
    KEY_OPERATIONS.createKey,
    { tenantId },
    { name: 'demo' },
  );
  return { tenantId, apiKey, accessKeyId, secretAccessKey };
}

async function create<O extends Operation>(
  admin: AdminClient,
  operation: O,
  params: ParamsOf<O>,
  document: unknown,
): Promise<AnswerOf<O>> {
  const path = fillPath(operation.path, params);
  const { status, body } = await admin.request('POST', path, document);
  if (status !== 201) throw new Error(`the gateway answered POST ${path} with ${status}: ${JSON.stringify(body)}`);
  return body as AnswerOf<O>;
}
