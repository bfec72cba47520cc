import type { InvokeArguments } from '../invoke/arguments.ts';
import type { InvocationType, LogType, Operation } from '../invoke/types.ts';
import type { FunctionTarget } from './pattern.ts';
import type { AllowRule, ContentTypes, ErrorDetail, Policy } from './policy.ts';

declare const permitBrand: unique symbol;

/**
 * Permission to invoke one function in one way. Only `decideCall` makes one, and only a Permit can be forwarded: the
 * request to Lambda is built from it, never from the caller's text.
 */
export interface Permit {
  readonly [permitBrand]: true;
  readonly operation: Operation;
  readonly target: FunctionTarget;
  readonly qualifier?: string;
  readonly invocationType: InvocationType;
  readonly logType: LogType;
  /** The log is for us, to read what Lambda bills; the caller did not ask for it. */
  readonly logIsOurs: boolean;
  readonly clientContext?: string;
  /** What Lambda gets as X-Amz-Tenant-Id. */
  readonly tenantId?: string;
  /** The durable execution's name as Lambda gets it, and as the caller gave it. */
  readonly durableName?: { readonly sent: string; readonly given: string };
  /** The call's trace, in X-Ray's form. */
  readonly traceId?: string;
  /** The function as the caller named it, for messages to that caller. */
  readonly givenName: string;
  /** Accounts to hide from the caller, together with every ARN. Absent: its tenant has no published names. */
  readonly hiddenAccounts?: readonly string[];
  readonly errorDetail: ErrorDetail;
  /** Absent: as the gateway's settings say. */
  readonly contentTypes?: ContentTypes;
  /** The largest payload that the policy allows, in bytes; infinite when it says nothing. */
  readonly maxPayloadBytes: number;
}

/** What a permit is made from. */
export interface PermitSource {
  readonly policy: Policy;
  readonly homeAccount: string;
  readonly call: InvokeArguments;
  readonly target: FunctionTarget;
  readonly qualifier: string | undefined;
  readonly rule: AllowRule;
  /** `upstream.tenantId`: wins over the caller's. */
  readonly upstreamTenantId: string | undefined;
  readonly meterDuration: boolean;
  readonly durableName: Permit['durableName'] | undefined;
}

/** Makes a permit. For `decideCall` alone: nothing else decides. */
export function makePermit(source: PermitSource): Permit {
  const { policy, homeAccount, call, target, qualifier, rule, upstreamTenantId, meterDuration, durableName } = source;
  const tenantId = upstreamTenantId ?? call.tenantId;
  const hiddenAccounts: readonly string[] | undefined =
    policy.publish.size > 0 ? [...new Set([...policy.accounts, homeAccount, target.account])] : undefined;
  // Only a call that waits for its function has a log (API_Invoke, LogType).
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
