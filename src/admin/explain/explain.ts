import { explainCall } from '../../operator/explain.ts';
import type { Handlers } from '../handler.ts';
import type { EXPLAIN_OPERATIONS } from './operations.ts';

export const explain: Handlers<typeof EXPLAIN_OPERATIONS> = {
  explainCall: (ports, { admin, params, body }) => explainCall(ports, admin, params.tenantId, body),
};
