import type { Operation } from '../operation.ts';
import { CreateKey, KeyList, KeyListQuery, NewKey, RotateKey } from './schema.ts';

export const KEY_OPERATIONS = {
  createKey: {
    method: 'POST',
    path: '/tenants/{tenantId}/keys',
    summary: 'Create a key',
    body: CreateKey,
    answer: {
      status: 201,
      description: 'The new key, with its secrets. They are not stored and cannot be shown again.',
      schema: NewKey,
    },
    problems: { 409: 'The tenant has the maximum number of keys.' },
  },
  listKeys: {
    method: 'GET',
    path: '/tenants/{tenantId}/keys',
    summary: 'List the keys of a tenant',
    query: KeyListQuery,
    answer: {
      status: 200,
      description:
        'One page of keys by id, without secrets: the live ones, and those that expired in the last 30 days.',
      schema: KeyList,
    },
  },
  revokeKey: {
    method: 'DELETE',
    path: '/tenants/{tenantId}/keys/{keyId}',
    summary: 'Revoke a key',
    answer: { status: 204, description: 'The key is revoked. It is refused everywhere within 5 seconds.' },
  },
  rotateKey: {
    method: 'POST',
    path: '/tenants/{tenantId}/keys/{keyId}/rotate',
    summary: 'Create the successor of a key',
    body: RotateKey,
    answer: {
      status: 201,
      description: 'The successor, with its secrets. The old key expires `graceSeconds` from now.',
      schema: NewKey,
    },
    problems: {
      409: 'The key was already rotated (`successor` is the id of the new key), it has expired, or the tenant has the maximum number of keys.',
    },
  },
} as const satisfies Readonly<Record<string, Operation>>;
