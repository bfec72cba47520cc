import { arnOf } from '../core/policy/pattern.ts';
import type { Permit } from '../core/policy/permit.ts';
import type { LambdaNames } from '../core/settings.ts';
import { remember } from '../edge/memoize.ts';

/**
 * RFC 3986, 2.3. `encodeURIComponent` leaves a few more characters unencoded, but names and qualifiers contain none of
 * them.
 */
const encodeLabel = remember(encodeURIComponent);

/** The parts of a request to Lambda that a Permit decides. */
export interface InvokeRequest {
  /** The path as sent, percent-encoded in the way an SDK encodes a label. */
  readonly path: string;
  /** The query as sent, without the question mark. Empty if there is no query. */
  readonly query: string;
  readonly headers: Record<string, string>;
}

/**
 * Builds the request to Lambda from a Permit. InvokeAsync is deprecated, so a call to it is sent as an Invoke of type
 * `Event`, which replaced InvokeAsync. The function is named by its full ARN followed by the qualifier, so that neither
 * our credentials' account nor the endpoint's region can change which function is called. Emulators that do not
 * understand ARNs get the bare name, and the qualifier as a query parameter.
 */
export function buildInvokeRequest(permit: Permit, names: LambdaNames = 'arn'): InvokeRequest {
  const { qualifier, target } = permit;
  const byName = names === 'name';
  const label = encodeLabel(byName ? target.name : arnOf(target) + (qualifier === undefined ? '' : `:${qualifier}`));
  const headers: Record<string, string> = {
    'content-type': 'application/json',
    'x-amz-invocation-type': permit.invocationType,
  };
  if (permit.logType !== 'None') headers['x-amz-log-type'] = permit.logType;
  if (permit.clientContext !== undefined) headers['x-amz-client-context'] = permit.clientContext;
  if (permit.tenantId !== undefined) headers['x-amz-tenant-id'] = permit.tenantId;
  if (permit.durableName !== undefined) headers['x-amz-durable-execution-name'] = permit.durableName.sent;
  return {
    path:
      permit.operation === 'InvokeWithResponseStream'
        ? `/2021-11-15/functions/${label}/response-streaming-invocations`
        : `/2015-03-31/functions/${label}/invocations`,
    query: byName && qualifier !== undefined ? `Qualifier=${encodeLabel(qualifier)}` : '',
    headers,
  };
}
