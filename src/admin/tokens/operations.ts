import type { Operation } from '../operation.ts';
import { AdminTokenList, CreateAdminToken, NewAdminToken } from './schema.ts';

export const TOKEN_OPERATIONS = {
  createAdminToken: {
    method: 'POST',
    path: '/admin-tokens',
    summary: 'Make a named admin token. It is shown this once',
    body: CreateAdminToken,
    answer: { status: 201, schema: NewAdminToken },
    problems: [400, 409],
  },
  listAdminTokens: {
    method: 'GET',
    path: '/admin-tokens',
    summary: 'List the admin tokens, without secrets',
    answer: { status: 200, schema: AdminTokenList },
  },
  revokeAdminToken: {
    method: 'DELETE',
    path: '/admin-tokens/{adminTokenId}',
    summary: 'Revoke an admin token, at once',
    answer: { status: 204 },
    problems: [404],
  },
} as const satisfies Readonly<Record<string, Operation>>;
