import type { Operation } from '../operation.ts';
import { UsageQuery, UsageResponse } from './schema.ts';

export const USAGE_OPERATIONS = {
  readUsage: {
    method: 'GET',
    path: '/tenants/{tenantId}/usage',
    summary: 'Read the usage of a tenant',
    query: UsageQuery,
    answer: {
      status: 200,
      description: 'The usage of the tenant, at most 2 seconds behind, and the state of its limits.',
      schema: UsageResponse,
    },
  },
} as const satisfies Readonly<Record<string, Operation>>;
