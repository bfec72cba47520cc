import { createRoute, z } from '@hono/zod-openapi';
import {
  CreateKey,
  CreateTenant,
  KeyList,
  ListQuery,
  NewKey,
  PatchTenant,
  ProblemSchema,
  TenantList,
  TenantResponse,
} from './schema.ts';

const json = <T extends z.ZodType>(schema: T) => ({ content: { 'application/json': { schema } } });
const body = <T extends z.ZodType>(schema: T) => ({ body: { ...json(schema), required: true } });
const answers = <T extends z.ZodType>(description: string, schema: T) => ({ ...json(schema), description });
const problem = (description: string) => ({
  description,
  content: { 'application/problem+json': { schema: ProblemSchema } },
});

const tenantPath = z.object({ tenantId: z.string() });
const keyPath = z.object({ tenantId: z.string(), keyId: z.string() });
const security = [{ adminToken: [] }];
const refused = { 401: problem('The admin token is missing or wrong') };
const noTenant = { ...refused, 404: problem('There is no such tenant') };
const noKey = { ...refused, 404: problem('There is no such tenant or key') };
const invalid = { 400: problem('A field is missing or wrong; each is named by its JSON pointer') };

export const createTenant = createRoute({
  method: 'post',
  path: '/tenants',
  operationId: 'createTenant',
  security,
  request: body(CreateTenant),
  responses: { 201: answers('The tenant', TenantResponse), ...invalid, ...refused },
});

export const listTenants = createRoute({
  method: 'get',
  path: '/tenants',
  operationId: 'listTenants',
  security,
  request: { query: ListQuery },
  responses: { 200: answers('Tenants, oldest first', TenantList), ...invalid, ...refused },
});

export const readTenant = createRoute({
  method: 'get',
  path: '/tenants/{tenantId}',
  operationId: 'readTenant',
  security,
  request: { params: tenantPath },
  responses: { 200: answers('The tenant', TenantResponse), ...noTenant },
});

export const patchTenant = createRoute({
  method: 'patch',
  path: '/tenants/{tenantId}',
  operationId: 'patchTenant',
  security,
  request: { params: tenantPath, ...body(PatchTenant) },
  responses: {
    200: answers('The tenant as it is now', TenantResponse),
    409: problem('It kept changing meanwhile'),
    ...invalid,
    ...noTenant,
  },
});

export const deleteTenant = createRoute({
  method: 'delete',
  path: '/tenants/{tenantId}',
  operationId: 'deleteTenant',
  security,
  request: { params: tenantPath },
  responses: { 204: { description: 'It is gone, and all its keys with it' }, ...noTenant },
});

export const createKey = createRoute({
  method: 'post',
  path: '/tenants/{tenantId}/keys',
  operationId: 'createKey',
  security,
  request: { params: tenantPath, body: { ...json(CreateKey), required: true } },
  responses: { 201: answers('The key, with secrets that are shown once', NewKey), ...invalid, ...noTenant },
});

export const listKeys = createRoute({
  method: 'get',
  path: '/tenants/{tenantId}/keys',
  operationId: 'listKeys',
  security,
  request: { params: tenantPath, query: ListQuery },
  responses: { 200: answers('The keys that live, without secrets', KeyList), ...invalid, ...noTenant },
});

export const revokeKey = createRoute({
  method: 'delete',
  path: '/tenants/{tenantId}/keys/{keyId}',
  operationId: 'revokeKey',
  security,
  request: { params: keyPath },
  responses: { 204: { description: 'It is refused everywhere within 5 seconds' }, ...noKey },
});
