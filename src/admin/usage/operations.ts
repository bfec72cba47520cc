import type { Operation } from '../operation.ts';
import { UsageQuery, UsageResponse } from './schema.ts';

export const USAGE_OPERATIONS = {
  readUsage: {
    method: 'GET',
    path: '/tenants/{tenantId}/usage',
    summary: 'What a tenant used, at most 2 seconds behind, and how its limits stand',
    query: UsageQuery,
    answer: { status: 200, schema: UsageResponse },
    problems: [400, 404],
  },
} as const satisfies Readonly<Record<string, Operation>>;
