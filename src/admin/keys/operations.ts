import type { Operation } from '../operation.ts';
import { CreateKey, KeyList, KeyListQuery, NewKey, RotateKey } from './schema.ts';

export const KEY_OPERATIONS = {
  createKey: {
    method: 'POST',
    path: '/tenants/{tenantId}/keys',
    summary: 'Make a key. Its secrets are shown this once',
    body: CreateKey,
    answer: { status: 201, schema: NewKey },
    problems: [400, 404],
  },
  listKeys: {
    method: 'GET',
    path: '/tenants/{tenantId}/keys',
    summary: 'List the keys that live, without secrets',
    query: KeyListQuery,
    answer: { status: 200, schema: KeyList },
    problems: [400, 404],
  },
  revokeKey: {
    method: 'DELETE',
    path: '/tenants/{tenantId}/keys/{keyId}',
    summary: 'Revoke a key. It is refused everywhere within 5 seconds',
    answer: { status: 204 },
    problems: [404],
  },
  rotateKey: {
    method: 'POST',
    path: '/tenants/{tenantId}/keys/{keyId}/rotate',
    summary: 'Make a key in the place of one, which goes on to work for its grace',
    body: RotateKey,
    answer: { status: 201, schema: NewKey },
    problems: [400, 404],
  },
} as const satisfies Readonly<Record<string, Operation>>;
