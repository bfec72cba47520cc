import type { Operation } from '../operation.ts';
import { AdminTokenList, CreateAdminToken, NewAdminToken } from './schema.ts';

export const TOKEN_OPERATIONS = {
  createAdminToken: {
    method: 'POST',
    path: '/admin-tokens',
    summary: 'Create a named admin token',
    body: CreateAdminToken,
    answer: {
      status: 201,
      description: 'The new admin token. It is not stored and cannot be shown again.',
      schema: NewAdminToken,
    },
    problems: { 409: 'A token has or had this name, or there is the maximum number of tokens.' },
  },
  listAdminTokens: {
    method: 'GET',
    path: '/admin-tokens',
    summary: 'List the admin tokens',
    answer: { status: 200, description: 'All admin tokens by name, without secrets.', schema: AdminTokenList },
  },
  revokeAdminToken: {
    method: 'DELETE',
    path: '/admin-tokens/{adminTokenId}',
    summary: 'Revoke an admin token',
    answer: { status: 204, description: 'The admin token is revoked, with immediate effect.' },
  },
} as const satisfies Readonly<Record<string, Operation>>;
