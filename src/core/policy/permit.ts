import type { InvokeArguments } from '../invoke/arguments.ts';
import type { InvocationType, LogType, Operation } from '../invoke/types.ts';
import type { FunctionTarget } from './pattern.ts';
import type { AllowRule, ContentTypes, ErrorDetail, Policy } from './policy.ts';

declare const permitBrand: unique symbol;

/**
 * Permission to invoke one function in one way. Only `decideCall` makes a Permit, and a call without a Permit cannot be
 * forwarded: the request to Lambda is built from the Permit, never from the caller's text.
 */
export interface Permit {
  readonly [permitBrand]: true;
  readonly operation: Operation;
  readonly target: FunctionTarget;
  readonly qualifier?: string;
  readonly invocationType: InvocationType;
  readonly logType: LogType;
  /** True if only we asked for the log, to read the duration that Lambda bills. The caller did not ask for the log. */
  readonly logIsOurs: boolean;
  readonly clientContext?: string;
  /** The X-Amz-Tenant-Id that we send to Lambda. */
  readonly tenantId?: string;
  /** The durable execution's name as we send it to Lambda, and as the caller gave it. */
  readonly durableName?: { readonly sent: string; readonly given: string };
  /** The call's trace, in X-Ray's form. */
  readonly traceId?: string;
  /** The function as the caller named it, for messages to that caller. */
  readonly givenName: string;
  /** Accounts to hide from the caller, together with every ARN. Absent if the caller's tenant has no published names. */
  readonly hiddenAccounts?: readonly string[];
  readonly errorDetail: ErrorDetail;
  /** Absent: the gateway's setting applies. */
  readonly contentTypes?: ContentTypes;
  /** The largest payload that the allowing rule permits, in bytes. Infinity if that rule sets no maximum. */
  readonly maxPayloadBytes: number;
}

/** The data from which a permit is made. */
export interface PermitSource {
  readonly policy: Policy;
  readonly homeAccount: string;
  readonly call: InvokeArguments;
  readonly target: FunctionTarget;
  readonly qualifier: string | undefined;
  readonly rule: AllowRule;
  /** The tenant's `upstream.tenantId`. It replaces the tenant id that the caller sends. */
  readonly upstreamTenantId: string | undefined;
  readonly meterDuration: boolean;
  readonly durableName: Permit['durableName'] | undefined;
}

/** Makes a permit. Only `decideCall` may call this function, because no other code decides. */
export function makePermit(source: PermitSource): Permit {
  const { policy, homeAccount, call, target, qualifier, rule, upstreamTenantId, meterDuration, durableName } = source;
  const tenantId = upstreamTenantId ?? call.tenantId;
  const hiddenAccounts: readonly string[] | undefined =
    policy.publish.size > 0 ? [...new Set([...policy.accounts, homeAccount, target.account])] : undefined;
  // Lambda returns a log only if the call waits for its function (API_Invoke, LogType).
  const isWaited = call.operation === 'Invoke' && call.invocationType === 'RequestResponse';
  const logIsOurs = meterDuration && isWaited && call.logType === 'None';
  return {
    operation: call.operation,
    target,
    ...(qualifier !== undefined && { qualifier }),
    invocationType: call.invocationType,
    logType: logIsOurs ? 'Tail' : call.logType,
    logIsOurs,
    ...(call.clientContext !== undefined && { clientContext: call.clientContext }),
    ...(tenantId !== undefined && { tenantId }),
    ...(durableName && { durableName }),
    ...(call.traceId !== undefined && { traceId: call.traceId }),
    givenName: call.givenName,
    ...(hiddenAccounts && { hiddenAccounts }),
    errorDetail: policy.errorDetail,
    ...(policy.contentTypes !== undefined && { contentTypes: policy.contentTypes }),
    maxPayloadBytes: rule.maxPayloadBytes,
  } as Permit;
}
