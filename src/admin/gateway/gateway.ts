import { readGateway } from '../../operator/gateway.ts';
import type { Handlers } from '../handler.ts';
import type { GATEWAY_OPERATIONS } from './operations.ts';

export const gateway: Handlers<typeof GATEWAY_OPERATIONS> = {
  readGateway: (ports, { admin }) => readGateway(ports, admin),
};
