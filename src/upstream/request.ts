import type { Permit } from '../core/policy/authorize.ts';
import { arnOf } from '../core/policy/pattern.ts';
import { remember } from './remember.ts';

const encodeLabel = remember(encodeURIComponent);

/** The parts of a request to Lambda that a Permit decides. */
export interface InvokeRequest {
  /** As it goes on the wire, percent-encoded like an SDK's label. */
  readonly path: string;
  readonly headers: Record<string, string>;
}

/**
 * Builds Lambda's request from a Permit. InvokeAsync goes as the Invoke of type `Event` that replaced it, for it is
 * deprecated. The function goes as its full ARN with the qualifier behind it, so that
 * neither our credentials' account nor the endpoint's region can change which function is meant.
 */
export function buildInvokeRequest(permit: Permit): InvokeRequest {
  const qualifier = permit.qualifier === undefined ? '' : `:${permit.qualifier}`;
  const label = encodeLabel(arnOf(permit.target) + qualifier);
  return {
    path:
      permit.operation === 'InvokeWithResponseStream'
        ? `/2021-11-15/functions/${label}/response-streaming-invocations`
        : `/2015-03-31/functions/${label}/invocations`,
    headers: {
      'content-type': 'application/json',
      'x-amz-invocation-type': permit.invocationType,
      ...(permit.logType !== 'None' && { 'x-amz-log-type': permit.logType }),
      ...(permit.clientContext !== undefined && { 'x-amz-client-context': permit.clientContext }),
      ...(permit.tenantId !== undefined && { 'x-amz-tenant-id': permit.tenantId }),
      ...(permit.durableName !== undefined && { 'x-amz-durable-execution-name': permit.durableName.sent }),
    },
  };
}
