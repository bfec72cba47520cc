import { fillPath, type Operation } from '../../src/admin/operation.ts';
import { OPERATIONS } from '../../src/admin/operations.ts';
import { admin } from './client.ts';

type Id = keyof typeof OPERATIONS;

/** A request that does one operation. */
export interface Doing {
  readonly id: Id;
  readonly operation: Operation;
  readonly path: string;
  readonly body: object | undefined;
}

/** Makes a tenant, a key and an admin token, and says how to do every operation to them, in an order in which all succeed. */
export async function planEveryOperation(): Promise<{ readonly tenantId: string; readonly all: readonly Doing[] }> {
  const { id: tenantId } = (await admin('POST', '/tenants', { name: 'Acme' })).body;
  const { id: keyId } = (await admin('POST', `/tenants/${tenantId}/keys`, {})).body;
  const token = (name: string) => ({ name: `${name}-${tenantId}`, access: 'read' });
  const { id: adminTokenId } = (await admin('POST', '/admin-tokens', token('first'))).body;
  const params = { tenantId, keyId, adminTokenId };
  const bodies: Readonly<Partial<Record<Id, object>>> = {
    createTenant: { name: 'Other' },
    patchTenant: { name: 'Changed' },
    createKey: {},
    rotateKey: {},
    createAdminToken: token('second'),
    explainCall: { function: 'x' },
  };
  // What an operation deletes is needed by those before it: the innermost goes first.
  const rank = ({ method, path }: Operation) => (method === 'DELETE' ? 1_000 - path.length : 0);
  const all = (Object.entries(OPERATIONS) as [Id, Operation][])
    .toSorted(([, a], [, b]) => rank(a) - rank(b))
    .map(([id, operation]) => {
      const path = operation.path === '/' ? '' : fillPath(operation.path, params);
      return { id, operation, path, body: bodies[id] };
    });
  return { tenantId, all };
}
