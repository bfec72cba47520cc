import type * as z from 'zod';
import { CreateTenant, PatchTenant } from '../document/tenant.ts';
import {
  AdminTokenList,
  AuditList,
  AuditQuery,
  CreateAdminToken,
  CreateKey,
  ExplainCall,
  Explanation,
  KeyList,
  KeyListQuery,
  NewAdminToken,
  NewKey,
  RotateKey,
  TenantList,
  TenantListQuery,
  TenantResponse,
  UsageQuery,
  UsageResponse,
} from './schema.ts';

/** One operation of the admin API: what its handler is given, and what its description says. */
export interface Operation {
  readonly method: 'GET' | 'POST' | 'PATCH' | 'DELETE';
  /** Below `/admin/v1`, with parameters as OpenAPI writes them. */
  readonly path: string;
  readonly summary: string;
  readonly query?: z.ZodObject;
  readonly body?: z.ZodType;
  readonly answer: { readonly status: 200 | 201 | 204; readonly schema?: z.ZodType };
  /** Changes nothing, although it is no GET. */
  readonly isReading?: true;
  /** Which problems it may answer, besides those of every operation or of every body. */
  readonly problems?: readonly (400 | 404 | 409 | 412)[];
}

/** Every operation of the admin API, by its OpenAPI operation id. */
export const OPERATIONS = {
  createTenant: {
    method: 'POST',
    path: '/tenants',
    summary: 'Make a tenant. It may call nothing until its policy allows it',
    body: CreateTenant,
    answer: { status: 201, schema: TenantResponse },
    problems: [400],
  },
  listTenants: {
    method: 'GET',
    path: '/tenants',
    summary: 'List tenants, oldest first',
    query: TenantListQuery,
    answer: { status: 200, schema: TenantList },
    problems: [400],
  },
  readTenant: {
    method: 'GET',
    path: '/tenants/{tenantId}',
    summary: 'Read a tenant',
    answer: { status: 200, schema: TenantResponse },
    problems: [404],
  },
  patchTenant: {
    method: 'PATCH',
    path: '/tenants/{tenantId}',
    summary: 'Change a tenant. It holds everywhere within 5 seconds',
    body: PatchTenant,
    answer: { status: 200, schema: TenantResponse },
    problems: [400, 404, 409, 412],
  },
  deleteTenant: {
    method: 'DELETE',
    path: '/tenants/{tenantId}',
    summary: 'Delete a tenant and all its keys',
    answer: { status: 204 },
    problems: [400, 404, 412],
  },
  createKey: {
    method: 'POST',
    path: '/tenants/{tenantId}/keys',
    summary: 'Make a key. Its secrets are shown this once',
    body: CreateKey,
    answer: { status: 201, schema: NewKey },
    problems: [400, 404, 409],
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
    problems: [400, 404, 409],
  },
  readAudit: {
    method: 'GET',
    path: '/tenants/{tenantId}/audit',
    summary: 'What was done to a tenant, by whom and when; also to one that was deleted',
    query: AuditQuery,
    answer: { status: 200, schema: AuditList },
    problems: [400, 404],
  },
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
  readGatewayAudit: {
    method: 'GET',
    path: '/audit',
    summary: 'Changes to admin tokens, and tenants created and deleted: by whom and when',
    query: AuditQuery,
    answer: { status: 200, schema: AuditList },
    problems: [400],
  },
  explainCall: {
    method: 'POST',
    path: '/tenants/{tenantId}/explain',
    summary: 'Say what would become of a call, and by which rule',
    body: ExplainCall,
    isReading: true,
    answer: { status: 200, schema: Explanation },
    problems: [400, 404],
  },
  readUsage: {
    method: 'GET',
    path: '/tenants/{tenantId}/usage',
    summary: 'What a tenant used, at most 2 seconds behind, and how its limits stand',
    query: UsageQuery,
    answer: { status: 200, schema: UsageResponse },
    problems: [400, 404],
  },
} as const satisfies Record<string, Operation>;
