import type { Operation } from '../operation.ts';
import { AuditList, AuditQuery } from './schema.ts';

export const AUDIT_OPERATIONS = {
  readAudit: {
    method: 'GET',
    path: '/tenants/{tenantId}/audit',
    summary: 'Read the audit trail of a tenant',
    query: AuditQuery,
    answer: {
      status: 200,
      description: 'One page of changes to the tenant and its keys, newest first. A deleted tenant keeps its trail.',
      schema: AuditList,
    },
  },
  readGatewayAudit: {
    method: 'GET',
    path: '/audit',
    summary: 'Read the audit trail of the gateway',
    query: AuditQuery,
    answer: {
      status: 200,
      description: 'One page of changes to admin tokens, and of tenants created and deleted, newest first.',
      schema: AuditList,
    },
  },
} as const satisfies Readonly<Record<string, Operation>>;
