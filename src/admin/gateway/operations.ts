import type { Operation } from '../operation.ts';
import { GatewayDescription } from './schema.ts';

export const GATEWAY_OPERATIONS = {
  readGateway: {
    method: 'GET',
    path: '/',
    summary: 'Read the version and the id of the gateway',
    answer: { status: 200, description: 'The gateway.', schema: GatewayDescription },
    problems: { 507: 'The storage is full, and the id was never read before: it cannot be stored.' },
  },
} as const satisfies Readonly<Record<string, Operation>>;
