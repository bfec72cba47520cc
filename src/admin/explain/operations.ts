import type { Operation } from '../operation.ts';
import { ExplainCall, Explanation } from './schema.ts';

export const EXPLAIN_OPERATIONS = {
  explainCall: {
    method: 'POST',
    path: '/tenants/{tenantId}/explain',
    summary: 'Say what would become of a call, and by which rule',
    body: ExplainCall,
    isReading: true,
    answer: { status: 200, schema: Explanation },
    problems: [400, 404],
  },
} as const satisfies Readonly<Record<string, Operation>>;
