import { Ajv2020 } from 'ajv/dist/2020.js';
import addFormats from 'ajv-formats';
import { describe, expect, it } from 'vitest';
import { admin, makeTenant, send } from '../support/postern.ts';
import { usePostern } from '../support/use-postern.ts';

const postern = usePostern();

interface Described {
  readonly paths: Record<
    string,
    Record<string, { responses: Record<string, { content?: Record<string, { schema: { $ref: string } }> }> }>
  >;
  readonly components: { schemas: object };
}

/** Checks answers against what the gateway's own document says of them. */
async function readDocument() {
  const { body } = await admin<Described>(postern, 'GET', '/openapi.json');
  const ajv = new Ajv2020({ strict: false, allErrors: true });
  addFormats.default(ajv);
  ajv.addSchema({ $id: 'doc', components: body.components });
  return (method: string, template: string, status: number, type: string, answer: unknown): string[] => {
    const described = body.paths[template]?.[method.toLowerCase()]?.responses[status];
    if (!described) return [`${method} ${template}: ${status} is in no document`];
    const [media, content] = Object.entries(described.content ?? {})[0] ?? [];
    if (!content) return answer === undefined ? [] : [`${method} ${template}: ${status} has a body`];
    if (!type.startsWith(media ?? '')) return [`${method} ${template}: ${status} is ${type}`];
    const check = ajv.getSchema(`doc${content.schema.$ref}`);
    if (!check) return [`${content.schema.$ref} is not there`];
    return check(answer) ? [] : [`${method} ${template} ${status}: ${ajv.errorsText(check.errors)}`];
  };
}

describe('D14: answers of the admin API', () => {
  it('are as its document says, the good ones and the refusals', async () => {
    const check = await readDocument();
    const { id, keyId } = await makeTenant(postern, [{ function: 'hello' }], {
      limits: { rate: { perSecond: 5, burst: 5 }, quotas: [{ period: 'day', requests: 10 }] },
    });
    const faults: string[] = [];
    const seen = new Set<number>();
    const ask = async (method: string, template: string, body?: unknown, headers: Record<string, string> = {}) => {
      const path = template.replace('{tenantId}', id).replace('{keyId}', keyId).replace('{adminTokenId}', 'a1_x');
      const [bare = ''] = template.split('?');
      const answer = await send(postern.gateway, `/admin/v1${path}`, {
        method,
        headers: {
          authorization: `Bearer ${postern.adminToken}`,
          ...(body !== undefined && { 'content-type': 'application/json' }),
          ...headers,
        },
        ...(body !== undefined && { body: typeof body === 'string' ? body : JSON.stringify(body) }),
      });
      seen.add(answer.status);
      const read = answer.body.length > 0 ? JSON.parse(String(answer.body)) : undefined;
      faults.push(...check(method, bare, answer.status, String(answer.headers['content-type'] ?? ''), read));
      return read;
    };
    await ask('POST', '/tenants', { name: 'Acme', policy: { allow: [{ function: 'a', types: ['Event'] }] } });
    await ask('POST', '/tenants', { name: '' });
    await ask('POST', '/tenants', '{', {});
    await ask('POST', '/tenants', '{}', { 'content-type': 'text/plain' });
    await ask('GET', '/tenants?limit=1');
    await ask('GET', '/tenants?limit=0');
    await ask('GET', '/tenants', undefined, { authorization: 'Bearer wrong' });
    await ask('GET', '/tenants/{tenantId}');
    await ask('PATCH', '/tenants/{tenantId}', { name: 'B', limits: { rate: null }, meterDuration: true });
    await ask('PATCH', '/tenants/{tenantId}', { unknown: null });
    await ask('PATCH', '/tenants/{tenantId}', { name: 'C' }, { 'if-match': '"999"' });
    await ask('POST', '/tenants/{tenantId}/keys', { name: 'one', expiresAt: '2100-01-01T00:00:00Z' });
    await ask('GET', '/tenants/{tenantId}/keys');
    await ask('POST', '/tenants/{tenantId}/keys/{keyId}/rotate', {});
    await ask('POST', '/tenants/{tenantId}/keys/{keyId}/rotate', {});
    await ask('POST', '/tenants/{tenantId}/explain', { function: 'hello' });
    await ask('POST', '/tenants/{tenantId}/explain', { function: 'other', payloadBytes: 1e9 });
    await ask('GET', '/tenants/{tenantId}/usage');
    await ask('GET', '/tenants/{tenantId}/usage?step=second');
    await ask('DELETE', '/tenants/{tenantId}/keys/{keyId}');
    await ask('DELETE', '/tenants/{tenantId}/keys/{keyId}');
    const token = await ask('POST', '/admin-tokens', { name: 'viewer', access: 'read' });
    await ask('POST', '/admin-tokens', { name: 'VIEWER', access: 'read' });
    await ask('POST', '/tenants', { name: 'x' }, { authorization: `Bearer ${token.token}` });
    await ask('GET', '/admin-tokens');
    await ask('DELETE', '/admin-tokens/{adminTokenId}');
    await ask('DELETE', '/tenants/{tenantId}', undefined, { 'if-match': 'W/"1"' });
    await ask('DELETE', '/tenants/{tenantId}');
    await ask('GET', '/tenants/{tenantId}');
    await ask('GET', '/tenants/{tenantId}/audit');
    await ask('GET', '/audit');
    expect(faults).toEqual([]);
    expect([...seen].sort()).toEqual([200, 201, 204, 400, 401, 403, 404, 409, 412, 415]);
  });
});
