import type { Operation } from '../operation.ts';
import { AuditList, AuditQuery } from './schema.ts';

export const AUDIT_OPERATIONS = {
  readAudit: {
    method: 'GET',
    path: '/tenants/{tenantId}/audit',
    summary: 'What was done to a tenant, by whom and when; also to one that was deleted',
    query: AuditQuery,
    answer: { status: 200, schema: AuditList },
    problems: [400, 404],
  },
  readGatewayAudit: {
    method: 'GET',
    path: '/audit',
    summary: 'Changes to admin tokens, and tenants created and deleted: by whom and when',
    query: AuditQuery,
    answer: { status: 200, schema: AuditList },
    problems: [400],
  },
} as const satisfies Readonly<Record<string, Operation>>;
