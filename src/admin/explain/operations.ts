import type { Operation } from '../operation.ts';
import { ExplainCall, Explanation } from './schema.ts';

export const EXPLAIN_OPERATIONS = {
  explainCall: {
    method: 'POST',
    path: '/tenants/{tenantId}/explain',
    summary: 'Explain whether a call would be allowed',
    body: ExplainCall,
    isReading: true,
    answer: {
      status: 200,
      description: 'The outcome of the call, and the rule that decides it. Nothing is called.',
      schema: Explanation,
    },
  },
} as const satisfies Readonly<Record<string, Operation>>;
